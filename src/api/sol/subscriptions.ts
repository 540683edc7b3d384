import { type Static, Type } from "typebox";
import { Fault } from "../../lib/fault.ts";
import { NOTIFYING, type NotifyingInterface, type SolInterest, type SolSubscription } from "../../model/sol-subscription.ts";
import type { Callback } from "../../model/subscription.ts";
import { callbackAuthentication, callbackUrl } from "../callback-body.ts";
import { askedCallback } from "./asked-callback.ts";
import { identified } from "./members.ts";
import { keptIdOf, subscriptionIdIn, subscriptionsAt } from "./notifications.ts";
import { Answer, type SolCall, type SolRoute } from "./route.ts";
import type { ListRules } from "./selector.ts";

interface Asked {
  readonly owner: string | null;
  readonly callback: Callback;
  readonly interest: SolInterest;
}

/** What subscriptions of all interfaces go through. Owners: a tenant; null: an administrator, who finds everybody's. */
export interface SubscriptionDoors {
  /** Whether TLS_CERT can be served without a certificate in the request. */
  readonly hasOurCertificate: boolean;
  list(of: NotifyingInterface, owner: string | null): readonly SolSubscription[];
  find(id: string, of: NotifyingInterface, owner: string | null): SolSubscription | null;
  sameAs(asked: Asked): SolSubscription | null;
  /** Throws INVALID, CONFLICT, CALLBACK_REFUSED. */
  create(asked: Asked): Promise<SolSubscription>;
  delete(id: string, owner: string | null): Promise<void>;
}

const SUBSCRIPTION_LIST: ListRules = {
  always: ["id", "callbackUri", "verbosity", "_links"],
  complex: ["filter"],
  byDefaultLeftOut: [],
};

/** Words of a filter: one, or a list of them. */
const words = Type.Union([Type.String({ maxLength: 255 }), Type.Array(Type.String({ maxLength: 255 }), { maxItems: 1_000 })]);
const filter = Type.Record(
  Type.String(),
  Type.Union([words, Type.Array(Type.Object({}), { maxItems: 100 }), Type.Record(Type.String(), Type.Unknown())]),
  { description: "an object with attributes of this interface's notification filter, each a word or a list of words" },
);

/** The subscription requests of SOL003 and SOL005, which differ in their filters; `verbosity` is that of life cycle management. */
const subscriptionRequest = Type.Object(
  {
    callbackUri: Type.String({ ...callbackUrl, description: "an http or https URL that answers GET with 204" }),
    filter: Type.Optional(filter),
    authentication: Type.Optional(callbackAuthentication),
    verbosity: Type.Optional(Type.Enum(["FULL", "SHORT"], { description: "FULL or SHORT" })),
  },
  { description: "an object with callbackUri and perhaps filter, authentication, verbosity" },
);
type Request = Static<typeof subscriptionRequest>;

const hasVerbosity = (of: NotifyingInterface): boolean => of === "nslcm" || of === "vnflcm";

/** Without what is secret: SOL013 8.3.4 has authentication never read back. */
const viewOf = (s: SolSubscription) => ({
  id: subscriptionIdIn(s.interface, s.id),
  ...(s.filter && { filter: s.filter }),
  callbackUri: s.callbackUri,
  ...(hasVerbosity(s.interface) && { verbosity: s.verbosity }),
  _links: { self: { href: subscriptionAt(s) } },
});

const subscriptionAt = (s: SolSubscription): string => `${subscriptionsAt(s.interface)}/${subscriptionIdIn(s.interface, s.id)}`;

const ownerOf = ({ caller }: SolCall<SubscriptionDoors>): string | null => caller?.tenantId ?? null;

const routesOf = (of: NotifyingInterface): SolRoute<SubscriptionDoors>[] => {
  const path = subscriptionsAt(of) as "/";
  return [
    {
      is: `POST ${path}`,
      gives: 201,
      body: subscriptionRequest,
      does: (call) => subscribe(of, call),
      location: ({ id }: { id: string }) => `${path}/${id}`,
    },
    {
      is: `GET ${path}`,
      gives: 200,
      does: (call) => identified(call.doors.list(of, ownerOf(call)), viewOf),
      lists: SUBSCRIPTION_LIST,
    },
    { is: `GET ${path}/:id`, gives: 200, does: (call) => viewOf(found(of, call)) },
    {
      is: `DELETE ${path}/:id`,
      gives: 204,
      does: (call) => call.doors.delete(found(of, call).id, ownerOf(call)),
    },
  ];
};

/** Subscriptions of every interface: SOL003 5.4.18, 7.4.4, 10.4.7; SOL005 5.4.8, 6.4.16, 8.4.4, 9.4.8. */
export const SUBSCRIPTION_ROUTES: readonly SolRoute<SubscriptionDoors>[] = NOTIFYING.flatMap(routesOf);

async function subscribe(of: NotifyingInterface, call: SolCall<SubscriptionDoors>) {
  const { doors, apiRoot } = call;
  const request = call.body as Request;
  const { callback, isShownOurCertificate } = askedCallback(request.callbackUri, request.authentication, doors.hasOurCertificate);
  const asked: Asked = {
    owner: ownerOf(call),
    callback,
    interest: {
      interface: of,
      filter: request.filter ?? null,
      verbosity: request.verbosity ?? "FULL",
      apiRoot,
      isShownOurCertificate,
    },
  };
  const same = doors.sameAs(asked);
  if (same) return new Answer(303, { location: `${apiRoot}${subscriptionAt(same)}` });
  return viewOf(await doors.create(asked));
}

function found(of: NotifyingInterface, call: SolCall<SubscriptionDoors>): SolSubscription {
  const id = call.params.id!;
  const there = call.doors.find(keptIdOf(id), of, ownerOf(call));
  if (there) return there;
  throw new Fault("NOT_FOUND", `there is no subscription ${id}; GET ${subscriptionsAt(of)} lists those there are`, { id });
}
