import type { SnapshotDoors } from "../api/sol/vnf-snapshots.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { type Deployment, vimsOf } from "../mano/plan.ts";
import { Reverter } from "../mano/reverter.ts";
import type { Scope } from "../mano/scope.ts";
import { SnapshotTaker } from "../mano/snapshot-taker.ts";
import { SnapshotTurns } from "../mano/snapshot-turns.ts";
import { Snapshots } from "../mano/snapshots.ts";
import { type VimOf, vnfView } from "../mano/vnf-views.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { OpenVimDirect } from "../vimconn/openvim-direct.ts";

interface Around {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  direct(id: VimAccountId): OpenVimDirect;
  readonly vimOf: VimOf;
}

/** Snapshots of VNFs, as they are kept and as they are begun. */
export interface Snapshotting extends AsyncDisposable {
  readonly snapshots: Snapshots;
  readonly turns: SnapshotTurns;
  /** Takes images of what was deleted from their VIMs, from now on. */
  start(): void;
}

/** Takes up what an earlier run had, before the MANO acts. */
export async function openSnapshots(nfvo: Nfvo, { db, clock, log, direct, vimOf }: Around): Promise<Snapshotting> {
  const { lifecycle, occurrences, owners, reaction, arming } = nfvo;
  const looking = { deployments: () => lifecycle.all, running: () => occurrences.running };
  const snapshots = new Snapshots({ db, clock, log, owners, direct, ...looking });
  await snapshots.load();
  const wake = (d: Deployment) => {
    for (const vim of vimsOf(d)) nfvo.watchOf(vim).wakeNow();
  };
  const view = (d: Deployment, vnf: Deployment["vnfs"][number]) => vnfView(d, vnf, vimOf);
  const around = { db, clock, lifecycle, occurrences, snapshots, direct, wake };
  const turns = new SnapshotTurns({ ...around, owners, view });
  const taker = new SnapshotTaker({ clock, snapshots, direct });
  const reverter = new Reverter({ ...around, reaction, arming });
  nfvo.operations.withSnapshots({
    take: (o, site) => taker.step(o, site),
    takeBack: (o, site) => taker.takeBack(o, site),
    revert: (d, o, site) => reverter.step(d, o, site),
    release: (d, o) => reverter.release(d, o),
    turns,
  });
  const ended = new AbortController();
  let running: Promise<void> | null = null;
  return {
    snapshots,
    turns,
    start: () => {
      running = snapshots.run(ended.signal);
    },
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

/** The same words whether one is another's or is not there. */
export function snapshotDoors({ snapshots }: Snapshotting, scope: Scope): SnapshotDoors {
  const own = (id: string): string => {
    if (scope.owns(id)) return id;
    throw new Fault("NOT_FOUND", `there is no VNF snapshot ${id}`, { id });
  };
  return {
    listSnapshots: () => snapshots.all.filter((r) => scope.owns(r.id)),
    getSnapshot: (id) => snapshots.get(own(id)),
    createSnapshot: () => snapshots.create(scope.tenant),
    deleteSnapshot: async (id) => snapshots.delete(own(id)),
  };
}
