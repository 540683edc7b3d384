import { randomUUID } from "node:crypto";
import { inFlavour } from "../descriptor/flavours.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Vnfd } from "../model/descriptor.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import { isReconnected, type Occurrence, type VnfPart } from "../model/occurrence.ts";
import { readDescriptorsOf, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { type AskedExternalLink, type AskedVim, linksAt, netAsked, notHere, refuseRepeated, vimAsked } from "./asked-links.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences, TurnChange } from "./occurrences.ts";
import type { Owners } from "./owners.ts";
import { type Deployment, resolveNets } from "./plan.ts";
import { reconnection, withConnections } from "./reconnect.ts";
import { GIVEN, refuseSharedNets, shownTo } from "./shared-nets.ts";
import { changeable, checkInOneVim, vnfIn } from "./start.ts";
import type { VimNets } from "./vim-nets.ts";
import type { VimWatch } from "./vim-watch.ts";
import { concerned, vnfcsOf } from "./vnf-plan.ts";

/** SOL003 5.5.2.11 ChangeExtVnfConnectivityRequest of one VNF, as far as it is looked into. */
export interface AskedConnectivity {
  readonly vnfId: string;
  readonly vims: readonly AskedVim[];
  readonly external: readonly AskedExternalLink[];
}

export interface ConnectionTurnsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly owners: Pick<Owners, "of">;
  readonly nets: VimNets;
  readonly watches: () => readonly VimWatch[];
  wake(vim: VimAccountId): void;
}

/**
 * Where external connection points of VNFs are meant to be connected to: written together with the operation that asks for it, as descriptors of that NS alone
 * (decision 0108). The loop makes it so, one way or the other.
 */
export class ConnectionTurns {
  readonly #parts: ConnectionTurnsParts;

  constructor(parts: ConnectionTurnsParts) {
    this.#parts = parts;
  }

  /** Of VNFs of one NS, each named once. On the disk when it resolves. Throws NOT_SUPPORTED, CONFLICT or VIM_UNREACHABLE with the reason, and then nothing has changed. */
  async begin(ns: NsId, asked: readonly AskedConnectivity[], params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, occurrences } = this.#parts;
    const seen = await this.#look(ns); // Before it has its turn: who protects the NS does not wait for a VIM that answers late.
    return lifecycle.exclusive(ns, async () => {
      let d = this.#runningOf(
        ns,
        asked.map((a) => a.vnfId),
      );
      const parts: VnfPart[] = [];
      for (const one of asked) {
        const { turned, part } = await this.#turned(d, one, seen);
        d = turned;
        parts.push(part);
      }
      return this.#writeApart(d, occurrences.begin(d.ns, "UPDATE", parts, params));
    });
  }

  /** What the VIM has now: a net may have been made a moment ago. */
  async #look(ns: NsId): Promise<Inventory> {
    const { lifecycle, owners } = this.#parts;
    const { vimAccountId } = this.#runningOf(ns, []).ns;
    const seen = await this.#watchOf(vimAccountId).connector.inventory(new AbortController().signal);
    return shownTo(owners.of(ns), { all: lifecycle.all, owners }, vimAccountId, seen);
  }

  #watchOf(id: VimAccountId): VimWatch {
    return this.#parts.watches().find((w) => w.account.id === id)!;
  }

  /** The NS with one of its VNFs connected as it is asked for, and what that is to the VNF. */
  async #turned(d: Deployment, { vnfId, vims, external }: AskedConnectivity, seen: Inventory) {
    if (external.length === 0) throw notHere("extVirtualLinks: names no link");
    const vnf = d.vnfs.find((v) => v.id === vnfId)!;
    const vim = vimAsked([this.#watchOf(d.ns.vimAccountId).account], vims, external);
    const nets = external.map((link) => netAsked(link, vim, seen));
    refuseRepeated(
      external,
      nets.map((n) => n.id),
    );
    const changed = linksAt(vim.id, external, nets);
    const [record] = await readDescriptorsOf(this.#parts.db, [vnf.product.packageId]);
    const ofVnfd = record?.kind === "vnfd" ? (record.body as Vnfd).blueprint : undefined;
    const blueprint = (ofVnfd && inFlavour(ofVnfd, vnf.product.flavourId)) ?? null;
    const { ids } = resolveNets(d, vim.id, seen);
    const connections = reconnection(
      { d, vnf, blueprint, ids },
      changed.map((link, i) => ({ link, net: nets[i]!, left: external[i]!.left })),
    );
    const part: VnfPart = {
      id: randomUUID(),
      vnfId,
      vnfName: vnf.name,
      vnfdId: vnf.vnfdId,
      profile: vnf.profile,
      operation: "CHANGE_EXT_CONN",
      vnfcs: vnfcsOf(d, vnf).map((v) => concerned(v, "MODIFIED")),
      connections: { ...connections, changed },
    };
    return { turned: withConnections(d, vnfId, connections.to), part };
  }

  /** Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. */
  turn(d: Deployment, o: Occurrence, way: "from" | "to", change: TurnChange): Promise<Occurrence> {
    const parts = way === "to" ? o.vnfs : o.vnfs.toReversed(); // Each begins where the one before it has led.
    const turned = parts.reduce((at, p) => (p.connections ? withConnections(at, p.vnfId, p.connections[way]) : at), d);
    const changed = this.#parts.occurrences.changed(o, change);
    return way === "to" ? this.#writeApart(turned, changed) : this.#write(turned, changed);
  }

  /** Where no other NS has a net of users that it needs. */
  #writeApart(d: Deployment, o: Occurrence): Promise<Occurrence> {
    const { lifecycle, owners, nets } = this.#parts;
    return lifecycle.exclusive(GIVEN, () => {
      refuseSharedNets(d, lifecycle.all, owners, nets);
      return this.#write(d, o);
    });
  }

  /** Throws NOT_FOUND, and CONFLICT before anything that is wrong with what is asked for. */
  #runningOf(ns: NsId, vnfIds: readonly string[]): Deployment {
    const d = changeable(ns, this.#parts);
    for (const id of vnfIds) {
      const vnf = vnfIn(d, id);
      if (vnf.isStopped) throw new Fault("CONFLICT", `VNF ${vnf.name} was stopped; ask for an operate to STARTED first`, { id });
    }
    const twice = vnfIds.find((id, i) => vnfIds.indexOf(id) < i);
    if (twice !== undefined) throw new Fault("INVALID", `VNF ${twice} is named twice; name all its links at once`);
    checkInOneVim(d, "be connected otherwise");
    return d;
  }

  async #write(d: Deployment, o: Occurrence): Promise<Occurrence> {
    const { db, lifecycle, occurrences, wake } = this.#parts;
    const which = new Set(o.vnfs.filter(isReconnected).map((p) => p.vnfId));
    await db.transaction().execute(async (tx) => {
      await upsertOwnDescriptors(tx, d.ns.id, d.asWritten ?? d);
      for (const vnf of d.vnfs) if (which.has(vnf.id)) await updateVnfInstance(tx, vnf);
      await occurrences.write(tx, o);
    });
    lifecycle.resize(d);
    occurrences.tell(o);
    wake(d.ns.vimAccountId);
    return o;
  }
}
