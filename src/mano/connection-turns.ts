import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Vnfd } from "../model/descriptor.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import { isReconnected, type Occurrence, type VnfPart } from "../model/occurrence.ts";
import { readDescriptorsOf, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type AskedExternalLink, type AskedVim, linksAt, netAsked, notHere, refuseRepeated, vimAsked } from "./asked-links.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Owners } from "./owners.ts";
import { calledOf, type Deployment, resolveNets } from "./plan.ts";
import { reconnection, withConnections } from "./reconnect.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import type { VimNets } from "./vim-nets.ts";
import type { VimWatch } from "./vim-watch.ts";
import { concerned, vnfcsOf } from "./vnf-plan.ts";

/** SOL003 5.5.2.11 ChangeExtVnfConnectivityRequest, as far as it is looked into. */
export interface AskedConnectivity {
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

  /** On the disk when it resolves. Throws NOT_SUPPORTED, CONFLICT or VIM_UNREACHABLE with the reason, and then nothing has changed. */
  async begin(ns: NsId, vnfId: string, asked: AskedConnectivity, params: Occurrence["params"]): Promise<Occurrence> {
    const { lifecycle, occurrences, watches, db } = this.#parts;
    const accounts = watches().map((w) => w.account);
    if (asked.external.length === 0) throw notHere("extVirtualLinks: names no link");
    return lifecycle.exclusive(ns, async () => {
      const { d, vnf } = this.#runningOf(ns, vnfId);
      const vim = vimAsked(
        accounts.filter((a) => a.id === d.ns.vimAccountId),
        asked.vims,
        asked.external,
      );
      const seen = await watches()
        .find((w) => w.account.id === vim.id)!
        .connector.inventory(new AbortController().signal);
      const nets = asked.external.map((link) => netAsked(link, vim, seen));
      refuseRepeated(
        asked.external,
        nets.map((n) => n.id),
      );
      const changed = linksAt(vim.id, asked.external, nets);
      const [record] = await readDescriptorsOf(db, [vnf.product.packageId]);
      const blueprint = record?.kind === "vnfd" ? ((record.body as Vnfd).blueprint ?? null) : null;
      const { ids } = resolveNets(d, vim.id, seen);
      const connections = reconnection(
        { d, vnf, blueprint, ids },
        changed.map((link, i) => ({ link, net: nets[i]! })),
      );
      const turned = withConnections(d, vnfId, connections.to);
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
      return this.#writeApart(turned, occurrences.begin(d.ns, "UPDATE", [part], params));
    });
  }

  /** Turns an operation forth to what was asked for, or back to what was before it. The caller has the turn of its NS. */
  turn(
    d: Deployment,
    o: Occurrence,
    way: "from" | "to",
    change: Pick<Parameters<Occurrences["changed"]>[1], "state" | "error" | "warnings" | "cancelMode">,
  ): Promise<Occurrence> {
    const turned = o.vnfs.reduce((at, p) => (p.connections ? withConnections(at, p.vnfId, p.connections[way]) : at), d);
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

  #runningOf(ns: NsId, vnfId: string) {
    const d = this.#parts.lifecycle.of(ns);
    const vnf = d?.vnfs.find((v) => v.id === vnfId);
    if (!d || !vnf) throw new Fault("NOT_FOUND", `there is no VNF ${vnfId}`, { id: vnfId });
    if (d.ns.state !== "INSTANTIATED")
      throw new Fault("CONFLICT", `${calledOf(d.ns)} is ${d.ns.state}; that is possible when it is INSTANTIATED`, { id: vnfId });
    if (vnf.isStopped)
      throw new Fault("CONFLICT", `VNF ${vnf.name} was stopped; ask for an operate to STARTED first`, { id: vnfId });
    if (d.stitches.length > 0)
      throw notHere(`NS ${d.ns.name} is spread over several VIMs; only one that is in one VIM can be connected otherwise`);
    return { d, vnf };
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
