import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent as noLog } from "../../src/lib/log.ts";
import { PROBE_MAC } from "../../src/model/flow.ts";
import { TrafficWatch } from "../../src/vim/traffic-watch.ts";
import { ArmedRig } from "./armed-rig.ts";
import { frameTo, Pump, stream } from "./pump.ts";
import { until } from "./rig.ts";

/** Long enough that a busy machine is late for no step of it. */
const SILENT_MS = 1_200;
const traffic = { silentMs: SILENT_MS };

let rig: ArmedRig;
let pump: Pump;
const ended = { by: new AbortController(), done: Promise.resolve() };

beforeEach(async () => {
  rig = await ArmedRig.start();
  pump = new Pump(rig.ovs);
  const { fabric, facts, protections } = rig.vim;
  ended.by = new AbortController();
  const watch = new TrafficWatch({ fabric, facts, clock: systemClock, log: noLog }, () => protections.watched());
  ended.done = watch.run(ended.by.signal);
});
afterEach(async () => {
  ended.by.abort();
  await ended.done;
  await pump.stop();
  await rig[Symbol.asyncDispose]();
});

const tap = (of: "a" | "b") => rig.portOf(rig[of]).switchPort!;
const tells = (what: string) => until(what, () => rig.told().includes(what));
const toldByTraffic = () => rig.told().filter((t) => t.endsWith("by traffic"));
const VIEWER = stream(frameTo("02:00:5e:00:01:64", "02:00:00:00:02:00"));
const MEMBER = stream(frameTo("02:00:00:00:02:00", "02:00:5e:00:01:64"));
const PROBE_ANSWER = { frame: frameTo(PROBE_MAC, "02:00:5e:00:01:64"), packets: 2 };

describe("a member that gets packets", () => {
  test("and sends some is well; one that sends none is silent, fenced, and its traffic moved; its twin goes on", async () => {
    await rig.vim.protections.arm(rig.armed({ traffic }));
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("a")]: MEMBER, [tap("b")]: MEMBER });
    await until("both answer", () => toldByTraffic().length === 2);
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("b")]: MEMBER });
    await tells("silent by traffic");
    const said = rig.events.flatMap((e) => (e.type === "evidence" && e.evidence.says === "silent" ? [e.evidence] : []));
    expect(said).toMatchObject([
      { about: { id: rig.portOf(rig.a).id }, detail: expect.stringMatching(/^within \d+ ms \d+ packets went to it and 0 came/) },
    ]);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced, rig.portOf(rig.b).fenced]).toEqual(["data1", true, false]);
    await sleep(3 * SILENT_MS);
    expect(toldByTraffic()).toEqual(["answers by traffic", "answers by traffic", "silent by traffic"]);
  });

  test("answers to our own requests are no service; it is well again when packets come out", async () => {
    await rig.vim.protections.arm(rig.armed({ traffic, plans: [] }));
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("a")]: PROBE_ANSWER, [tap("b")]: MEMBER });
    await tells("silent by traffic");
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("a")]: MEMBER, [tap("b")]: MEMBER });
    await until("it answers", () => toldByTraffic().length === 3);
    expect(toldByTraffic().sort()).toEqual(["answers by traffic", "answers by traffic", "silent by traffic"]);
  });
});

describe("nothing is told", () => {
  test("where no policy asks for it, and of one that serves nobody", async () => {
    await rig.vim.protections.arm(rig.armed());
    pump.flow({ va: VIEWER, vb: VIEWER });
    await sleep(3 * SILENT_MS);
    expect(toldByTraffic()).toEqual([]);
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, null);
    await rig.vim.protections.arm(rig.armed({ revision: 2, traffic }));
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("b")]: MEMBER });
    await tells("answers by traffic");
    await sleep(3 * SILENT_MS);
    expect(toldByTraffic()).toEqual(["answers by traffic"]);
  });

  test("of both at once: that is rather a fault of ours, or of what they all send to", async () => {
    await rig.vim.protections.arm(rig.armed({ traffic }));
    pump.flow({ va: VIEWER, vb: VIEWER });
    await sleep(4 * SILENT_MS);
    expect(toldByTraffic()).toEqual([]);
  });

  test("while the switch stands still, or its session was cut: what was read before counts no more", async () => {
    await rig.vim.protections.arm(rig.armed({ traffic, plans: [] }));
    pump.flow({ va: VIEWER, vb: VIEWER, [tap("b")]: MEMBER });
    for (let i = 0; i < 4; i++) {
      await sleep(SILENT_MS * 0.6); // Never long enough in one piece.
      rig.vim.fabric.distrust();
      await rig.vim.fabric.reconcile();
      await sleep(SILENT_MS / 4);
      const session = rig.vim.fabric.session!;
      rig.vim.fabric.disconnected(session.datapath);
      await sleep(SILENT_MS / 4);
      rig.vim.fabric.connected(session);
      await rig.vim.fabric.reconcile();
    }
    expect(toldByTraffic().filter((t) => t.startsWith("silent"))).toEqual([]);
    await tells("silent by traffic"); // And afterwards it is looked at as before.
  });
});
