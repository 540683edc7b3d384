import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Seal } from "../lib/seal.ts";
import type { DatapathId, HostId, OfcId, PortMappingId } from "../model/ids.ts";
import type { AskedController, ControllerKind, ControllerState, PortMapping, SdnController } from "../model/sdn-controller.ts";
import { datapathIn, datapathOf, portElsewhere } from "../model/switch-port-name.ts";
import type { ServerPort } from "../model/vim-picture.ts";
import {
  deleteController,
  deletePortMappings,
  insertPortMappings,
  readControllers,
  readPortMappings,
  saveController,
} from "../store/vim-controllers.ts";
import type { OfcRow, PortMappingRow } from "../store/vim-schema.ts";
import { notFree } from "./asking.ts";
import { checkTls } from "./controller-tls.ts";
import type { Picture } from "./picture.ts";

/** Each is asked every second. */
const CONTROLLERS_MAX = 100;
const MAPPINGS_MAX = 10_000;

/** What one controller is doing now. */
export interface RunningController {
  readonly state: ControllerState;
}

export interface ControllersParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly seal: Seal;
  /** In test mode nothing is contacted, and all are said to be there. */
  readonly areAssumed: boolean;
}

/** Controllers of others and cabling, as operators name them. What speaks to the controllers listens to changes of this list. */
export class Controllers {
  readonly #parts: ControllersParts;
  readonly #rows = new Map<OfcId, OfcRow>();
  readonly #mappings = new Map<PortMappingId, PortMapping>();
  readonly #running = new Map<OfcId, RunningController>();
  /** The switch that is led by a session of our own; null: none is connected. */
  ownDatapath: () => DatapathId | null = () => null;
  #tell: (id: OfcId, controller: SdnController | null) => void = () => {};

  private constructor(parts: ControllersParts) {
    this.#parts = parts;
  }

  static async load(parts: ControllersParts): Promise<Controllers> {
    const all = new Controllers(parts);
    for (const row of await readControllers(parts.picture.db)) all.#rows.set(row.id as OfcId, row);
    for (const row of await readPortMappings(parts.picture.db)) all.#mappings.set(row.id as PortMappingId, mappingOf(row));
    return all;
  }

  list(): SdnController[] {
    return [...this.#rows.values()].map(controllerOf);
  }

  /** Throws NOT_FOUND. */
  get(id: OfcId): SdnController {
    return controllerOf(this.#found(id));
  }

  stateOf(id: OfcId): ControllerState {
    if (this.#parts.areAssumed) return { status: "ACTIVE", lastError: null };
    return this.#running.get(id)?.state ?? { status: "INACTIVE", lastError: null };
  }

  /** Null where there is none, or it cannot be read any more. */
  passwordOf(id: OfcId): string | null {
    return this.#unsealed(this.#rows.get(id)?.sealed);
  }

  /** The same of its bearer token, and of the key of our certificate for it. */
  tokenOf(id: OfcId): string | null {
    return this.#unsealed(this.#rows.get(id)?.token_sealed);
  }

  keyOf(id: OfcId): string | null {
    return this.#unsealed(this.#rows.get(id)?.key_sealed);
  }

  #unsealed(sealed: string | null | undefined): string | null {
    return sealed == null ? null : this.#parts.seal.unseal(sealed);
  }

  #sealed(asked: string | null | undefined, had: string | null | undefined): string | null {
    return asked === undefined ? (had ?? null) : asked === null ? null : this.#parts.seal.seal(asked);
  }

  /** Whoever speaks to them: told of each that is there now, and of changes; null: it is there no more. */
  onControllers(tell: (id: OfcId, controller: SdnController | null) => void): void {
    this.#tell = tell;
    for (const controller of this.list()) tell(controller.id, controller);
  }

  isRunning(id: OfcId, running: RunningController | null): void {
    if (running === null) this.#running.delete(id);
    else this.#running.set(id, running);
  }

  /** Throws INVALID for a datapath that is none, CONFLICT for one that is led already. */
  create(asked: AskedController): Promise<SdnController> {
    return this.#parts.picture.change(async () => {
      if (this.#rows.size >= CONTROLLERS_MAX) throw new Fault("CONFLICT", `there are ${CONTROLLERS_MAX} controllers already`);
      const createdAt = this.#parts.clock.wall().toISOString();
      return this.#save({ ...this.#rowOf(asked, null), id: randomUUID(), created_at: createdAt });
    });
  }

  /** All of it but the password, which stays where none is given. Throws as `create`, and NOT_FOUND. */
  edit(id: OfcId, asked: AskedController): Promise<SdnController> {
    return this.#parts.picture.change(async () => {
      const had = this.#found(id);
      if (datapathIn(asked.dpid) !== datapathIn(had.dpid)) this.#checkUnused(had, `Error at field dpid of ofc '${id}': `);
      return this.#save({ ...this.#rowOf(asked, had), id, created_at: had.created_at });
    });
  }

  /** What stands in its switch stays there: nobody leads it any more. Throws NOT_FOUND. */
  delete(id: OfcId): Promise<void> {
    return this.#parts.picture.change(async () => {
      this.#checkUnused(this.#found(id), `Error deleting ofc '${id}': `);
      await deleteController(this.#parts.picture.db, id);
      this.#rows.delete(id);
      for (const [mappingId, m] of this.#mappings) if (m.ofcId === id) this.#mappings.set(mappingId, { ...m, ofcId: null });
      this.#tell(id, null);
    });
  }

  mappings(): PortMapping[] {
    return [...this.#mappings.values()];
  }

  /** All or none of them. Throws INVALID, NOT_FOUND for a controller, CONFLICT in the original's words. */
  map(asked: readonly Omit<PortMapping, "id">[]): Promise<PortMapping[]> {
    return this.#parts.picture.change(async () => {
      if (this.#mappings.size + asked.length > MAPPINGS_MAX)
        throw new Fault("CONFLICT", `there would be more than ${MAPPINGS_MAX} port mappings`);
      const taken = new Set(this.mappings().map(keyOf));
      const added = asked.map((a): PortMapping => ({ ...a, id: randomUUID() as string as PortMappingId }));
      for (const mapping of added) {
        checkDatapath("switch_dpid", mapping.switchDpid);
        if (mapping.ofcId !== null) this.#found(mapping.ofcId);
        const key = keyOf(mapping);
        if (taken.has(key)) throw new Fault("CONFLICT", `Value  '${key}'  already in use for  'region_compute_node_pci'`);
        taken.add(key);
      }
      await insertPortMappings(this.#parts.picture.db, added.map(mappingRow));
      for (const mapping of added) this.#mappings.set(mapping.id, mapping);
      return added;
    });
  }

  /** How many there were. */
  unmap(region: string): Promise<number> {
    return this.#parts.picture.change(async () => {
      const gone = this.mappings().filter((m) => m.region === region);
      await deletePortMappings(this.#parts.picture.db, region);
      for (const { id } of gone) this.#mappings.delete(id);
      return gone.length;
    });
  }

  /** The switch port that a card of a host is cabled to: by its mapping, else as the host says. */
  cabledTo(hostId: HostId, pci: string): string | null {
    const host = this.#parts.picture.hosts.get(hostId);
    const isIts = (m: { readonly pci: string }) => m.pci.toLowerCase() === pci.toLowerCase();
    const mapped = this.mappings().find((m) => m.computeNode === host?.name && isIts(m));
    const at = mapped?.switchPort == null ? host?.numas.flatMap((n) => n.interfaces).find(isIts) : mapped;
    if (at?.switchPort == null) return null;
    const datapath = at.switchDpid === null ? null : datapathIn(at.switchDpid);
    return datapath !== null && this.#isElsewhere(datapath) ? portElsewhere(at.switchPort, datapath) : at.switchPort;
  }

  /** What a port of this switch is called here. Throws INVALID for a datapath that is none, NOT_FOUND for a switch that nobody leads. */
  portAt(name: string, dpid: string): string {
    const datapath = checkDatapath("binding:switch_dpid", dpid);
    if (this.#isElsewhere(datapath)) return portElsewhere(name, datapath);
    if (this.ownDatapath() === datapath) return name;
    throw new Fault(
      "NOT_FOUND",
      `no switch '${dpid}' is led here: add the controller that leads it first (POST /openflow/controller)`,
    );
  }

  #isElsewhere(datapath: DatapathId): boolean {
    return [...this.#rows.values()].some((row) => datapathIn(row.dpid) === datapath);
  }

  /** Else they would be ports of a switch that nobody leads. */
  #checkUnused({ dpid }: OfcRow, what: string): void {
    const datapath = datapathIn(dpid);
    const isIts = ({ switchPort }: ServerPort) => switchPort !== null && datapathOf(switchPort) === datapath;
    if (this.#parts.picture.ports.values().some(isIts)) throw notFree(what, "dependencies");
  }

  #rowOf(asked: AskedController, had: OfcRow | null): Omit<OfcRow, "id" | "created_at"> {
    const datapath = checkDatapath("dpid", asked.dpid);
    const other = this.list().find((c) => c.datapath === datapath && c.id !== had?.id);
    if (other !== undefined)
      throw new Fault("CONFLICT", `switch '${asked.dpid}' is led through controller '${other.name}' already`);
    if (this.ownDatapath() === datapath)
      throw new Fault(
        "CONFLICT",
        `switch '${asked.dpid}' is led by this VIM itself: two who write to it would undo each other's entries`,
      );
    const { name, dpid, ip, port, kind, version = null, user = null, password, token } = asked;
    const sealed = this.#sealed(password, had?.sealed);
    const token_sealed = this.#sealed(token, had?.token_sealed);
    if (token_sealed !== null && user !== null)
      throw new Fault("INVALID", `ofc '${name}' has a user and a token: it is asked as one of both, so give one of both`);
    return { name, dpid, ip, port, type: kind, version, user, sealed, token_sealed, ...this.#tlsOf(asked, had) };
  }

  /** Throws INVALID for what is no certificate, no key, or not the key of it. */
  #tlsOf({ tls }: AskedController, had: OfcRow | null): Pick<OfcRow, "tls_json" | "key_sealed"> {
    if (tls === undefined) return { tls_json: had?.tls_json ?? null, key_sealed: had?.key_sealed ?? null };
    if (tls === null) return { tls_json: null, key_sealed: null };
    const { caCert, clientCert, clientKey } = tls;
    const key_sealed = clientCert === null ? null : this.#sealed(clientKey, had?.key_sealed);
    checkTls({ caCert, clientCert, clientKey: clientCert === null ? (clientKey ?? null) : this.#unsealed(key_sealed) });
    return { tls_json: JSON.stringify({ caCert, clientCert }), key_sealed };
  }

  async #save(row: OfcRow): Promise<SdnController> {
    await saveController(this.#parts.picture.db, row);
    const controller = controllerOf(row);
    this.#rows.set(controller.id, row);
    this.#tell(controller.id, controller);
    return controller;
  }

  #found(id: OfcId): OfcRow {
    const row = this.#rows.get(id);
    if (row === undefined) throw new Fault("NOT_FOUND", `Openflow controller with uuid '${id}' not found`);
    return row;
  }
}

function checkDatapath(member: string, text: string): DatapathId {
  const datapath = datapathIn(text);
  if (datapath === null)
    throw new Fault("INVALID", `'${member}' is '${text}': want up to 16 hex digits, such as 00:00:00:00:00:00:00:01`);
  return datapath;
}

const controllerOf = (row: OfcRow): SdnController => ({
  ...{ id: row.id as OfcId, name: row.name, dpid: row.dpid, datapath: datapathIn(row.dpid)!, ip: row.ip, port: row.port },
  ...{ kind: row.type as ControllerKind, version: row.version, user: row.user, hasPassword: row.sealed !== null },
  ...{ hasToken: row.token_sealed !== null, tls: row.tls_json === null ? null : JSON.parse(row.tls_json) },
  createdAt: row.created_at,
});

const mappingOf = (row: PortMappingRow): PortMapping => ({
  ...{ id: row.id as PortMappingId, ofcId: row.ofc_id as OfcId | null, region: row.region, computeNode: row.compute_node },
  ...{ pci: row.pci, switchDpid: row.switch_dpid, switchPort: row.switch_port, switchMac: row.switch_mac },
});

const mappingRow = (m: PortMapping): PortMappingRow => ({
  ...{ id: m.id, ofc_id: m.ofcId, region: m.region, compute_node: m.computeNode, pci: m.pci },
  ...{ switch_dpid: m.switchDpid, switch_port: m.switchPort, switch_mac: m.switchMac },
});

/** What no two of them may have in common. */
const keyOf = (m: PortMapping): string => `${m.region}-${m.computeNode}-${m.pci}`;
