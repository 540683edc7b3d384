import type { TenantId } from "./ids.ts";
import type { Callback, CallbackAuth, DeliveryView } from "./subscription.ts";
import { objectsOf, type VimEvent, type VimEventType } from "./vim-event.ts";

/** Which events a subscriber wants: all that match every member that is given; a list matches where one of its values does. */
export interface EventFilter {
  readonly types: readonly VimEventType[] | null;
  readonly tenantId: TenantId | null;
  /** Servers, link ports, nets, hosts, protections. */
  readonly objectIds: readonly string[] | null;
}

/** A subscription as it is shown: without what is secret. */
export interface VimSubscription {
  readonly id: string;
  /** Who made it; null: an administrator, who is told everything. */
  readonly owner: TenantId | null;
  readonly callback: string;
  readonly filter: EventFilter;
  /** How we convince the subscriber that it is us; null: not at all. */
  readonly authType: CallbackAuth["type"] | null;
  readonly createdAt: string;
  readonly delivery: DeliveryView;
}

export interface AskedVimSubscription {
  readonly owner: TenantId | null;
  readonly callback: Callback;
  readonly filter: EventFilter;
  /** The last event that it has already; null: from now on. */
  readonly since: number | null;
}

/** What everybody hears: it says that what they know must be read again. */
const FOR_ALL: ReadonlySet<VimEventType> = new Set(["vim.started", "events.lost"]);

/** Whether a tenant may hear of it; null: an administrator, who hears of everything. */
export const mayHear = (tenant: TenantId | null, event: VimEvent): boolean =>
  tenant === null || event.tenantId === tenant || FOR_ALL.has(event.type);

export function matches({ types, tenantId, objectIds }: EventFilter, event: VimEvent): boolean {
  // Who asked for a change is a record for auditors, who name it; what changed has events of its own.
  if (types === null ? event.type === "api.changed" : !types.includes(event.type)) return false;
  if (tenantId !== null && event.tenantId !== tenantId) return false;
  return objectIds === null || objectsOf(event).some((id) => objectIds.includes(id));
}
