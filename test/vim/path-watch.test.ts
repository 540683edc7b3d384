import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PROBE_MAC } from "../../src/model/flow.ts";
import type { VnfcId } from "../../src/model/ids.ts";
import type { Path } from "../../src/model/path.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import { arpReply } from "../../src/wire/arp.ts";
import { ArmedRig, FRAMES } from "./armed-rig.ts";
import { frameTo, Pump, stream } from "./pump.ts";
import { nowMs, until } from "./rig.ts";

const B = "B" as VnfcId;

let rig: ArmedRig;
let pump: Pump;
let ended: AbortController;
let running: Promise<void>;

const watch = () => {
  ended = new AbortController();
  running = rig.vim.paths.run(FRAMES, ended.signal);
};
const stopWatching = async () => {
  ended.abort();
  await running;
};

beforeEach(async () => {
  rig = await ArmedRig.start();
  pump = new Pump(rig.ovs);
  watch();
});
afterEach(async () => {
  await stopWatching();
  await pump.stop();
  await rig[Symbol.asyncDispose]();
});

const SERVICE = "02:00:5e:00:01:64";
const USER = stream(frameTo(SERVICE, "02:00:00:00:02:00"));
const MEMBER = stream(frameTo("02:00:00:00:02:00", SERVICE));
const ARP_ANSWER = {
  frame: Buffer.from(arpReply({ mac: SERVICE, ip: "10.62.0.100" }, { mac: PROBE_MAC, ip: "0.0.0.0" })).toString("hex"),
  packets: 1,
};

const tap = (of: "a" | "b") => rig.portOf(rig[of]).switchPort!;
type PathEvent = Extract<VimEvent, { type: `path.${string}` }>;
/** What was told of a net's path on its present bind. */
const told = (net: string): PathEvent[] => {
  const { id, bindNet } = rig.vim.picture.nets.get(rig.nets[net]!.id)!;
  return rig.events.filter(
    (e): e is PathEvent =>
      e.type.startsWith("path.") && (e as PathEvent).path.netId === id && (e as PathEvent).path.bindNet === bindNet,
  );
};
const pathOf = (net: string): Path => rig.vim.paths.list().find((p) => p.netId === rig.nets[net]!.id)!;
const becomes = (net: string, state: Path["state"]) => until(`${net} ${state}`, () => pathOf(net).state === state);
const lead = (net: string, to: string) => rig.vim.binds.changeBind(rig.nets[net]!.id, rig.nets[to]!.id);

describe("after a switch-over", () => {
  test("the users' packets are seen on the new way, and that is told once", async () => {
    await rig.vim.protections.arm(rig.armed());
    pump.flow({ va: USER, vb: USER, [tap("a")]: MEMBER, [tap("b")]: MEMBER });
    await becomes("traffic0", "verified");
    rig.events.length = 0;
    rig.server(rig.a, "stopped", "processExit");
    pump.flow({ va: USER, vb: USER, [tap("b")]: MEMBER });
    expect(pathOf("traffic0")).toMatchObject({ bindNet: rig.nets.data1!.id, state: "pending", at: null });
    await becomes("traffic0", "verified");
    const [confirmed] = rig.events.flatMap((e) => (e.type === "protection.confirmed" ? [e.fired] : []));
    expect(told("traffic0")).toMatchObject([{ type: "path.verified", path: { how: "traffic" } }]);
    expect(pathOf("traffic0").at).toBeGreaterThan(confirmed!.barrierAt!);
    await sleep(500);
    expect(told("traffic0")).toHaveLength(1);
  });

  test("where nobody sends, an answer to an ARP request that was sent after it is enough", async () => {
    pump.flow({ [tap("b")]: ARP_ANSWER });
    await lead("traffic0", "data1");
    await becomes("traffic0", "verified");
    expect(told("traffic0")).toMatchObject([{ path: { how: "probe", why: "no user sends, and the member answers ARP" } }]);
  });

  test("a member that passes nothing is told, fenced, and the next one serves: that is verified", async () => {
    const { traffic0, traffic1 } = rig.nets;
    const moves = [traffic0!, traffic1!].map((n) => ({ trafficNet: n.id, to: "A" as VnfcId, orElse: [] }));
    await rig.vim.protections.arm(rig.armed({ plans: [{ failed: B, moves, because: ["A is up"] }] }));
    pump.flow({ va: USER, vb: USER, [tap("a")]: MEMBER, [tap("b")]: MEMBER });
    await becomes("traffic0", "verified");
    await becomes("traffic1", "verified");
    await sleep(3_000); // They are answered for long enough to be known to be.
    const at = nowMs();
    pump.flow({ va: USER, vb: USER, [tap("a")]: MEMBER, [tap("b")]: ARP_ANSWER }); // Its kernel lives, its application does not.
    await pump.turned();
    await lead("traffic0", "data1");
    await until("led on", () => rig.boundTo("traffic0") === "data0");
    expect(nowMs() - at).toBeGreaterThan(3_000);
    const unverified = rig.events.flatMap((e) => (e.type === "path.unverified" ? [e.path] : []));
    expect(unverified[0]).toMatchObject({
      netId: traffic0!.id,
      bindNet: rig.nets.data1!.id,
      why: expect.stringMatching(/, 0 left it, 0 came back$/),
    });
    expect([rig.portOf(rig.a).fenced, rig.portOf(rig.b).fenced, rig.boundTo("traffic1")]).toEqual([false, true, "data0"]);
    await becomes("traffic0", "verified");
  });

  test("the only one left is not fenced, however little passes; it is looked at until something does", async () => {
    await rig.vim.protections.arm(rig.armed());
    pump.flow({ va: USER, [tap("a")]: MEMBER });
    await becomes("traffic0", "verified");
    rig.server(rig.a, "stopped", "processExit");
    pump.flow({ va: USER });
    await becomes("traffic0", "unverified");
    await sleep(4_000);
    expect(told("traffic0")).toHaveLength(1);
    expect(rig.told().filter((t) => t === "silent by traffic")).toHaveLength(1);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.b).fenced]).toEqual(["data1", false]);
    pump.flow({ va: USER, [tap("b")]: MEMBER });
    await becomes("traffic0", "verified");
    expect(told("traffic0").map((e) => e.type)).toEqual(["path.unverified", "path.verified"]);
    expect(rig.told().filter((t) => t.endsWith("by traffic"))).toEqual(["silent by traffic", "answers by traffic"]);
  });

  test("where nothing can pass yet it is said what for", async () => {
    const { nets, binds, ports } = rig.vim;
    const lonely = await nets.createNet({ name: "lonely", kind: "data" });
    await binds.changeBind(lonely.id, rig.nets.data1!.id);
    const why = () => rig.vim.paths.list().find((p) => p.netId === lonely.id)!.why;
    expect(why()).toBe("no user of lonely has a port in the switch");
    await ports.createPort({ name: "its user", netId: lonely.id, switchPort: "va", vlan: 7 });
    expect(why()).toBe("no packet was seen on it yet");
    const empty = await nets.createNet({ name: "empty", kind: "data" });
    await binds.changeBind(lonely.id, empty.id);
    expect(why()).toBe("no port of empty is up and open in the switch");
  });

  test("a VIM that was killed before it saw a packet sees to it after its start", async () => {
    await stopWatching();
    await lead("traffic0", "data1");
    await rig.close();
    await rig.open();
    expect(pathOf("traffic0").state).toBe("pending");
    watch();
    pump.flow({ va: USER, vb: USER, [tap("b")]: MEMBER });
    await becomes("traffic0", "verified");
    expect(told("traffic0")).toHaveLength(1);
  });
});
