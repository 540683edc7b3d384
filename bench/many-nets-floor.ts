import { join } from "node:path";
import { type Spread, spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import { openStore } from "../src/store/open.ts";
import type { VimDb } from "../src/store/vim-schema.ts";
import { listen } from "../src/switch/listen.ts";
import { Fabric } from "../src/vim/fabric.ts";
import { Picture } from "../src/vim/picture.ts";
import type { ManyNetsRig } from "./many-nets-rig.ts";

const MIGRATIONS = join(import.meta.dirname, "../sql/vim");
/** Later than any daemon's. */
const EPOCH = 2n ** 40n;

/** What of a bind is the switch's own: the same changes, from a process that does nothing else. ms from the last byte written to the barrier. */
export async function switchShare(rig: ManyNetsRig, count: number, restMs: number): Promise<Spread> {
  await using undo = new AsyncDisposableStack();
  const db = undo.adopt(await openStore<VimDb>({ path: rig.store, migrationsDir: MIGRATIONS }), (store) => store.destroy());
  const picture = await Picture.load(db, systemClock, silent);
  const listener = undo.use(
    await listen({ host: "127.0.0.1", tcpPort: rig.openflowPort, clock: systemClock, log: silent, epoch: EPOCH }),
  );
  await new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
  const fabric = new Fabric(picture, systemClock, silent, () => {});
  fabric.connected([...listener.sessions.values()][0]!);
  await fabric.reconcile();
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const [own, other] = [rig.pairs[(i >> 1) % rig.pairs.length]!, rig.pairs[((i >> 1) + 1) % rig.pairs.length]!];
    const net = picture.nets.get(own.traffic)!;
    const applied = await fabric.writeAround({ nets: [{ ...net, bindNet: i % 2 === 0 ? other.data : own.data }] });
    times.push(applied!.barrierAt - applied!.onWireAt);
    await systemClock.sleep(restMs);
  }
  return spreadOf(times)!;
}
