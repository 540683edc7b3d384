import { Fault } from "../../lib/fault.ts";
import { checkedBody, createNs, groupCommand, newVim } from "./bodies.ts";
import type { CatalogueEntry, ManoDoors } from "./doors.ts";

/** One request, as far as a route needs it. */
export interface Call {
  readonly doors: ManoDoors;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: unknown;
  /** Who asks, in words, for records: nobody is known by name here. */
  readonly by: string;
}

export interface Route {
  readonly is: `${"GET" | "POST" | "PATCH" | "DELETE"} /${string}`;
  /** Status of success. */
  readonly gives: 200 | 201 | 202 | 204;
  readonly does: (call: Call) => unknown;
  /** Where the thing made, or the state of the thing asked for, is found. */
  readonly location?: (made: { readonly id: string }) => string;
}

/** Rows of a list when the caller names no limit. */
const ROWS_DEFAULT = 100;
const ROWS_MAX = 10_000;

const idOf = (call: Call): string => call.params.id as string;
const limitOf = (call: Call): number => {
  const asked = Number(call.query.limit ?? ROWS_DEFAULT);
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, ROWS_MAX) : ROWS_DEFAULT;
};

/** The descriptor with our record beside it, in one object: `id` is the record's, `ref` the one in the file. */
const shown = ({ id, kind, body, vnfdRecordId, createdAt }: CatalogueEntry) => ({
  ...body,
  id,
  ref: body.id,
  kind,
  vnfdRecordId,
  createdAt,
});
const nsAt = ({ id }: { readonly id: string }) => `/mano/v1/ns_instances/${id}`;

/** The MANO's own API on one screen: `/mano/v1` is what ETSI has no word for. */
export const ROUTES: readonly Route[] = [
  { is: "POST /mano/v1/descriptors", gives: 201, does: (c) => onboard(c) },
  { is: "GET /mano/v1/descriptors", gives: 200, does: async (c) => (await c.doors.listDescriptors()).map(shown) },
  { is: "GET /mano/v1/descriptors/:id", gives: 200, does: async (c) => shown(await c.doors.getDescriptor(idOf(c))) },
  { is: "DELETE /mano/v1/descriptors/:id", gives: 204, does: (c) => c.doors.deleteDescriptor(idOf(c)) },

  { is: "POST /mano/v1/ns_instances", gives: 201, does: (c) => c.doors.createNs(checkedBody(createNs, c.body)), location: nsAt },
  { is: "GET /mano/v1/ns_instances", gives: 200, does: (c) => c.doors.listNs() },
  { is: "GET /mano/v1/ns_instances/:id", gives: 200, does: (c) => c.doors.getNs(idOf(c)) },
  { is: "DELETE /mano/v1/ns_instances/:id", gives: 204, does: (c) => c.doors.deleteNs(idOf(c)) },
  { is: "POST /mano/v1/ns_instances/:id/instantiate", gives: 202, does: (c) => c.doors.instantiate(idOf(c)), location: nsAt },
  { is: "POST /mano/v1/ns_instances/:id/terminate", gives: 202, does: (c) => c.doors.terminate(idOf(c)), location: nsAt },

  { is: "GET /mano/v1/alarms", gives: 200, does: (c) => c.doors.listAlarms(limitOf(c)) },
  { is: "GET /mano/v1/subscriptions", gives: 200, does: (c) => c.doors.listSubscriptions() },

  { is: "GET /mano/v1/failovers", gives: 200, does: (c) => c.doors.listFailovers(limitOf(c)) },
  { is: "GET /mano/v1/failovers/:id", gives: 200, does: (c) => c.doors.getFailover(idOf(c)) },
  { is: "GET /mano/v1/incidents", gives: 200, does: (c) => c.doors.listIncidents(limitOf(c)) },
  { is: "GET /mano/v1/incidents/:id", gives: 200, does: (c) => c.doors.getIncident(idOf(c)) },
  { is: "GET /mano/v1/protection_groups", gives: 200, does: (c) => c.doors.listGroups() },
  { is: "GET /mano/v1/protection_groups/:id", gives: 200, does: (c) => c.doors.getGroup(idOf(c)) },
  { is: "POST /mano/v1/protection_groups/:id/command", gives: 200, does: (c) => command(c) },
  { is: "GET /mano/v1/vims", gives: 200, does: (c) => c.doors.listVims() },
  { is: "POST /mano/v1/vims", gives: 201, does: (c) => addVim(c) },
];

async function onboard({ doors, body }: Call) {
  const isPackage = body instanceof Uint8Array;
  if (!isPackage && String(body ?? "").startsWith("PK\u0003\u0004"))
    throw new Fault("INVALID", "the body is a package that was sent as a text; send it with Content-Type: application/zip");
  return (await doors.onboard(isPackage ? body : String(body ?? ""))).map(shown);
}

function command(call: Call) {
  const { command: kind, to, traffic_nets, dry_run } = checkedBody(groupCommand, call.body);
  const wish = { kind, to: to ?? null, trafficNets: traffic_nets ?? null, dryRun: dry_run ?? false };
  return call.doors.command(idOf(call), wish, call.by);
}

function addVim(call: Call) {
  const wish = checkedBody(newVim, call.body);
  return call.doors.addVim({ ...wish, tenant: wish.tenant ?? "default" });
}
