import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { COOKIE_MARK } from "../../src/model/flow.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { CookiePart, Tell } from "../../src/switch/flow-switch.ts";
import { listen } from "../../src/switch/listen.ts";
import type { SwitchSession } from "../../src/switch/session.ts";
import { Fabric } from "../../src/vim/fabric.ts";
import { Picture } from "../../src/vim/picture.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";
import { until } from "./rig.ts";

/** A table that is too large to be read whole in every pass (decision 0059), in a real switch: nets of two ports with a tag each. */
const NETS = 2_200;
/** A pass looks at four parts of eight. */
const PASSES = 2;
const ENDS = ["p1", "p2"] as const;

const undo = new AsyncDisposableStack();
let ovs: Ovs;
let picture: Picture;
let fabric: Fabric;
let session: SwitchSession;
let reads = { whole: 0, parts: 0, all: 0 };

beforeAll(async () => {
  const listener = undo.use(await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n }));
  const up = new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
  const controller = [`tcp:127.0.0.1:${listener.tcpPort}`];
  ovs = undo.use(await startOvs({ datapathType: "dummy", ports: ENDS, protocols: ["OpenFlow13"], controller }));
  await up;
  const migrationsDir = new URL("../../sql/vim", import.meta.url).pathname;
  const db = undo.adopt(await openStore<VimDb>({ path: ":memory:", migrationsDir }), (store) => store.destroy());
  picture = await Picture.load(db, systemClock, silent);
  for (let vlan = 1; vlan <= NETS; vlan++) {
    const n = net(`net${vlan}`) as VimNet;
    picture.nets.set(n.id, n);
    for (const end of ENDS) {
      const p = port(n.id, end, null, { vlan }) as ServerPort;
      picture.ports.set(p.id, p);
    }
  }
  fabric = new Fabric(picture, systemClock, silent, () => {});
  session = [...listener.sessions.values()][0] as SwitchSession;
  const counted = (want: Tell, part: CookiePart) => {
    if (part.mask === 0) reads.all++;
    else reads.parts++;
    return session.compare!(want, part);
  };
  const counting = new Proxy(session, {
    get(target, name) {
      if (name === "read") reads.whole++;
      const value: unknown = Reflect.get(target, name, target);
      if (name === "compare") return counted;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  fabric.connected(counting);
  await fabric.reconcile();
});
afterAll(() => undo.disposeAsync());

const entries = async () => (await session.read()).entries.length;
const led = async (vlan: number) => /Datapath actions: (.*)$/m.exec(await ovs.trace(`in_port=1,dl_vlan=${vlan}`))?.[1];
const cookie = `0x${COOKIE_MARK.toString(16)}00000000/0xffffffff00000000`;

/** Each part is looked at once more. The changes that were needed. */
async function lookedAtAll(): Promise<number> {
  let changes = 0;
  for (let i = 0; i < PASSES; i++) changes += (await fabric.reconcile())?.changes ?? 0;
  return changes;
}

test("where all is right, passes read parts only and change nothing", async () => {
  const stood = await entries();
  expect(stood).toBeGreaterThan(2 * NETS);
  reads = { whole: 0, parts: 0, all: 0 };
  expect(await lookedAtAll()).toBe(0);
  expect([reads.whole, reads.all]).toEqual([0, 0]);
  expect(reads.parts).toBeGreaterThan(0);
  expect(await entries()).toBe(stood);
});

test.each([7, 1_234, NETS])(
  "an entry that somebody has changed is found when the turn of its part comes (VLAN %d)",
  async (vlan) => {
    expect(await led(vlan)).toBe("2");
    await ovs.ofctl("mod-flows", "br0", `in_port=1,dl_vlan=${vlan},actions=drop`);
    expect(await led(vlan)).toBe("drop");
    reads = { whole: 0, parts: 0, all: 0 };
    expect(await lookedAtAll()).toBe(1);
    expect([await led(vlan), reads.whole, reads.all]).toEqual(["2", 0, 0]);
  },
);

test("entries that are gone, or came, are found by the next pass: their number tells", async () => {
  const stood = await entries();
  await ovs.ofctl("del-flows", "br0", "in_port=1");
  expect((await fabric.reconcile())?.changes).toBe(NETS);
  expect(await entries()).toBe(stood);
  await ovs.ofctl("add-flow", "br0", `cookie=${cookie.split("/")[0]},priority=9,in_port=2,dl_vlan=4000,actions=output:1`);
  expect((await fabric.reconcile())?.changes).toBe(1);
  expect(await entries()).toBe(stood);
});

test("a switch that begins anew and empty has everything again after one pass", async () => {
  const stood = await entries();
  await ovs.ofctl("del-flows", "br0");
  expect((await fabric.reconcile())?.changes).toBe(stood);
  await until("it stands", async () => (await entries()) === stood);
});

test("a daemon that begins anew compares all at once, without reading it, and changes nothing", async () => {
  reads = { whole: 0, parts: 0, all: 0 };
  const anew = new Fabric(picture, systemClock, silent, () => {});
  anew.connected(fabric.session!);
  expect((await anew.reconcile())?.changes).toBe(0);
  expect(reads).toEqual({ whole: 0, parts: 0, all: 1 });
});
