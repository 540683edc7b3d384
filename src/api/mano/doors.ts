import type { Readable } from "node:stream";
import type { Nsd, Vnfd } from "../../model/descriptor.ts";
import type { CommandOutcome, CommandWish, ProtectionGroupView } from "../../model/group-view.ts";
import type { Incident } from "../../model/incident.ts";
import type { Alarm, Failover, ManoEvent } from "../../model/mano-event.ts";
import type { NsView, VimAccountView } from "../../model/ns.ts";
import type { SolSubscription } from "../../model/sol-subscription.ts";
import type { ChangeRecord } from "../change-record.ts";
import type { EventSource } from "../event-stream.ts";

/** A descriptor as the catalogue has it. */
export interface CatalogueEntry {
  readonly id: string;
  readonly kind: "vnfd" | "nsd";
  readonly body: Nsd | Vnfd;
  readonly vnfdRecordId: string | null;
  readonly createdAt: string;
}

export interface VimWish {
  readonly id?: string | undefined;
  readonly name: string;
  readonly url: string;
  readonly adminUrl: string;
  readonly tenant: string;
}

export interface NsWish {
  readonly nsdId: string;
  readonly nsName: string;
  readonly vimAccountId?: string | undefined;
}

/**
 * What the API may ask for, handed over by the composition root: it writes what is wanted and reads what is there, it
 * cannot act. Each throws a Fault; what changes something resolves when that is on the disk.
 */
export interface ManoDoors extends ChangeRecord {
  readonly events: EventSource<ManoEvent>;
  /** The file that a capability is for. Throws FORBIDDEN, NOT_FOUND. */
  image(capability: string): Promise<{ readonly size: number; readonly open: (from: number, to: number) => Promise<Readable> }>;
  onboard(file: string | Uint8Array): Promise<readonly CatalogueEntry[]>;
  listDescriptors(): Promise<readonly CatalogueEntry[]>;
  getDescriptor(id: string): Promise<CatalogueEntry>;
  deleteDescriptor(id: string): Promise<void>;
  listNs(): readonly NsView[];
  getNs(id: string): NsView;
  createNs(wish: NsWish): Promise<NsView>;
  instantiate(id: string): Promise<NsView>;
  terminate(id: string): Promise<NsView>;
  deleteNs(id: string): Promise<void>;
  listAlarms(limit: number): Promise<readonly Alarm[]>;
  /** Those of every interface, with how their deliveries stand. */
  listSubscriptions(): readonly SolSubscription[];
  listFailovers(limit: number): Promise<readonly Failover[]>;
  getFailover(id: string): Promise<Failover>;
  listIncidents(limit: number): Promise<readonly Incident[]>;
  getIncident(id: string): Promise<Incident>;
  listGroups(): readonly ProtectionGroupView[];
  getGroup(idOrName: string): ProtectionGroupView;
  /** `by`: who asks, in words, for the record. */
  command(idOrName: string, wish: CommandWish, by: string): Promise<CommandOutcome>;
  listVims(): readonly VimAccountView[];
  addVim(wish: VimWish): Promise<VimAccountView>;
}
