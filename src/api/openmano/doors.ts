import type { VnfBlueprint } from "../../model/blueprint.ts";
import type { Descriptor } from "../../model/descriptor.ts";
import type { ServerId } from "../../model/ids.ts";
import type { NsView, VimAccountView } from "../../model/ns.ts";
import type { OmAction, OmInstance } from "../../model/openmano.ts";
import type { ManoStore } from "../../store/mano-schema.ts";
import type { ChangeRecord } from "../change-record.ts";

/** A row as a VIM shows it. */
export type VimRow = Readonly<Record<string, unknown>>;

/** A VIM asked by hand. Each throws VIM_UNREACHABLE or VIM_REFUSED with `about.status`. */
export interface VimByHand {
  networks(): Promise<readonly VimRow[]>;
  network(id: string): Promise<VimRow>;
  tenants(): Promise<readonly VimRow[]>;
  images(): Promise<readonly VimRow[]>;
  makeNetwork(wish: Readonly<Record<string, unknown>>): Promise<VimRow>;
  removeNetwork(id: string): Promise<void>;
  makeTenant(name: string, description: string): Promise<VimRow>;
  removeTenant(id: string): Promise<void>;
  /** Ports of a net that lead outside. */
  outsidePorts(net: string): Promise<readonly VimRow[]>;
  makeOutsidePort(
    net: string,
    at: { readonly port: string; readonly vlan: number | null; readonly mac: string | null },
  ): Promise<VimRow>;
  removeOutsidePort(id: string): Promise<void>;
  makeImage(wish: Readonly<Record<string, unknown>>): Promise<VimRow>;
  removeImage(id: string): Promise<void>;
  server(id: ServerId): Promise<VimRow>;
  portsOf(id: ServerId): Promise<readonly VimRow[]>;
  act(id: ServerId, action: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface VimAddress {
  readonly url: string;
  readonly adminUrl: string;
  /** Name or id; null: nothing is asked that needs one. */
  readonly tenant: string | null;
}

/** What a descriptor became, or how OpenMANO refuses it. */
export type ReadDescriptor =
  | { readonly descriptor: Descriptor }
  | { readonly refusal: { readonly code: number; readonly description: string } };

/** What OpenMANO's API may ask for, handed over by the composition root: it writes what is wanted and reads what is there, it cannot act. */
export interface OpenmanoDoors extends ChangeRecord {
  readonly db: ManoStore;
  /** The wall clock, ISO 8601. */
  now(): string;
  /** `known`: VNFDs that it may refer to, by id or name. */
  readDescriptor(text: string, known: readonly VnfBlueprint[]): Promise<ReadDescriptor>;
  /** Asks that VIM, and forgets it. */
  withVim<T>(at: VimAddress, ask: (vim: VimByHand) => Promise<T>): Promise<T>;
  /** Begins to use a VIM: on the disk when it resolves. `owner`: the tenant that it is for. */
  addVim(account: { readonly id: string; readonly name: string; readonly owner: string } & VimAddress): Promise<void>;
  /** Its address has changed. */
  changeVim(id: string, at: Omit<VimAddress, "tenant">): Promise<void>;
  /** Throws CONFLICT while an NS is in it. */
  removeVim(id: string): Promise<void>;
  /** How much there is of a tenant's own beside that, by what it is. */
  usesOf(tenantId: string): Promise<Readonly<Record<string, number>>>;
  listVims(): readonly VimAccountView[];
  /** Names that NSs have. */
  nsNames(): ReadonlySet<string>;
  nsOf(instance: OmInstance): NsView | null;
  makeInstance(instance: OmInstance, action: OmAction): Promise<void>;
  removeInstance(instance: OmInstance, action: OmAction): Promise<void>;
  /** Once it is made, has failed, or is gone; or it has taken too long. */
  settled(uuid: string, patienceMs: number): Promise<void>;
}
