import { Type } from "typebox";
import type { TenantId } from "../../model/ids.ts";
import { VIM_EVENT_TYPES, type VimEventType } from "../../model/vim-event.ts";
import type { VimSubscription } from "../../model/vim-subscription.ts";
import { callbackAuthentication, callbackIn, callbackUrl } from "../callback-body.ts";
import { checked } from "../invalid.ts";
import { listed, type Wire, withoutNulls } from "../query.ts";
import type { Call } from "./call.ts";
import { SUBSCRIPTIONS } from "./columns.ts";

// Ours: who is told of events by requests to a callback.

const closed = { additionalProperties: false } as const;
const anyId = Type.String({ minLength: 1, maxLength: 255 });
export const subscriptionNew = Type.Object({
  subscription: Type.Object(
    {
      callback: callbackUrl,
      filter: Type.Optional(
        Type.Object(
          {
            event_types: Type.Optional(Type.Array(Type.Enum([...VIM_EVENT_TYPES]), { minItems: 1, maxItems: 100 })),
            tenant_id: Type.Optional(anyId),
            object_ids: Type.Optional(Type.Array(anyId, { minItems: 1, maxItems: 1_000 })),
          },
          closed,
        ),
      ),
      authentication: Type.Optional(callbackAuthentication),
      /** The last event that the subscriber has already; left out: from now on. */
      since: Type.Optional(Type.Integer({ minimum: 0 })),
    },
    closed,
  ),
});

/** Null: an administrator's, who is told of everything. */
const ownerOf = (_call: Call): TenantId | null => null;

export const listSubscriptions = (call: Call) => ({
  subscriptions: listed(call.doors.subscriptions.list(ownerOf(call)).map(subscriptionOut), call.query, SUBSCRIPTIONS),
});

export const getSubscription = (call: Call) => ({
  subscription: subscriptionOut(call.doors.subscriptions.get(call.params.id!, ownerOf(call))),
});

/** Answered when the callback has been asked. Without the wrapper too, as ETSI's bodies are. */
export async function postSubscription(call: Call) {
  const body = call.body();
  const isBare = typeof body === "object" && body !== null && "callback" in body;
  const { subscription: asked } = checked(subscriptionNew, isBare ? { subscription: body } : body);
  const { event_types: types = null, tenant_id: tenantId = null, object_ids: objectIds = null } = asked.filter ?? {};
  const made = await call.doors.subscriptions.create({
    owner: ownerOf(call),
    callback: callbackIn(asked.callback, asked.authentication),
    filter: { types: types as VimEventType[] | null, tenantId: tenantId as TenantId | null, objectIds },
    since: asked.since ?? null,
  });
  return { subscription: subscriptionOut(made) };
}

export async function deleteSubscription(call: Call) {
  const id = call.params.id!;
  await call.doors.subscriptions.delete(id, ownerOf(call));
  return { result: `subscription '${id}' deleted` };
}

/** How the subscriber wants to be convinced is shown, and by what is not. */
const subscriptionOut = ({ delivery: d, filter, ...s }: VimSubscription): Wire =>
  withoutNulls({
    id: s.id,
    callback: s.callback,
    filter: withoutNulls({ event_types: filter.types, tenant_id: filter.tenantId, object_ids: filter.objectIds }),
    authentication: s.authType && { authType: [s.authType] },
    tenant_id: s.owner,
    created_at: s.createdAt,
    state: d.state,
    cursor: d.cursor,
    pending: d.pending,
    failures: d.failures,
    last_error: d.lastError,
    last_error_at: d.lastErrorAt,
    next_try_at: d.nextTryAt,
    last_accepted_at: d.lastAcceptedAt,
  });
