import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { Fired } from "../../src/model/armed.ts";
import type { GroupId, VnfcId } from "../../src/model/ids.ts";
import { ArmedRig } from "./armed-rig.ts";
import { nowMs, until } from "./rig.ts";

const GROUP = "group-1" as GroupId;
const [A, B] = ["A" as VnfcId, "B" as VnfcId];

let rig: ArmedRig;
beforeEach(async () => {
  rig = await ArmedRig.start();
});
afterEach(() => rig[Symbol.asyncDispose]());

const tapOf = (which: "a" | "b") => rig.portOf(rig[which]).switchPort!;
const firedTold = (): Fired[] => rig.events.flatMap((e) => (e.type === "protection.fired" ? [e.fired] : []));
const confirmed = () => until("confirmed", () => rig.told().includes("protection.confirmed"));
const planOf = (failed: VnfcId) => rig.vim.protections.get(GROUP).plans.find((p) => p.failed === failed)!;
const inPort = async (port: string) => {
  const no = rig.vim.fabric.session!.ports.get(port)!.no;
  return (await rig.ovs.ofctl("dump-flows", "br0", `in_port=${no}`)).split("\n").filter((l) => l.includes("priority=")).length;
};

describe("firing", () => {
  test("a server that stopped: binds move and the port is closed in one write, in the tick of the evidence", async () => {
    await rig.vim.protections.arm(rig.armed());
    expect(await inPort(tapOf("a"))).toBeGreaterThan(0);
    rig.writes.length = 0; // What is armed may have been laid into the switch meanwhile.
    rig.server(rig.a, "stopped", "processExit");
    expect(rig.writes).toHaveLength(1); // Nothing was awaited.
    expect(rig.told()).toEqual(["stopped by processExit", "net.bound", "protection.fired"]);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data1", true]);
    await confirmed();
    expect(rig.writes).toHaveLength(1);
    expect(await rig.leavesAt("va")).toBe(tapOf("b"));
    expect([await inPort(tapOf("a")), await rig.leavesAt(tapOf("a"))]).toEqual([0, "drop"]);
    const [fired] = firedTold();
    expect(fired).toMatchObject({ protectionId: GROUP, revision: 1, failed: A, moves: [{ to: B }], barrierAt: null });
    expect(fired!.because).toEqual([expect.stringMatching(/^server stopped \(process connector/), "B is up"]);
    const end = rig.events.find((e) => e.type === "protection.confirmed") as { fired: Fired };
    expect(end.fired.barrierAt!).toBeGreaterThan(end.fired.onWireAt!);
    expect(end.fired.onWireAt!).toBeGreaterThanOrEqual(fired!.firedAt);
    await rig.vim.fabric.reconcile();
    expect(rig.writes, "what was written is what the whole picture asks for").toHaveLength(1);
  });

  test("a guest that restarts itself: its traffic is moved all the same, and its port is open for its new life", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.vim.facts.gather(); // As for all that a host tells.
    rig.server(rig.a, "stopped");
    rig.server(rig.a, "running");
    expect([rig.boundTo("traffic0"), rig.vim.picture.servers.get(rig.a.id)!.status]).toEqual(["data1", "ACTIVE"]);
    await confirmed();
    await until("its port is open", () => !rig.portOf(rig.a).fenced);
    await rig.vim.fabric.reconcile();
    expect(await rig.leavesAt("va")).toBe(tapOf("b"));
    expect(rig.portOf(rig.a).status).toBe("BUILD"); // It has not answered since.
    rig.answers(rig.a);
    expect(rig.portOf(rig.a).status).toBe("ACTIVE");
  });

  test.each([
    ["paused", () => rig.server(rig.a, "paused"), ["paused by qmp"]],
    ["silent", () => rig.port(rig.a, "silent", "probe"), ["silent by probe"]],
  ] as const)("%s: the life may go on, so the fence is told before the binds", async (_, happens, first) => {
    await rig.vim.protections.arm(rig.armed());
    happens();
    expect(rig.told()).toEqual([...first, "fenced by fence", "net.bound", "protection.fired"]);
    await confirmed();
    expect([await rig.leavesAt("va"), await rig.leavesAt(tapOf("a"))]).toEqual([tapOf("b"), "drop"]);
  });

  const agent = (which: "a" | "b", says: "silent" | "answers") =>
    rig.vim.facts.opinion({ about: { kind: "server", id: rig[which].id }, says, source: "guestHeartbeat", seenAt: nowMs() });
  const guestHeartbeat = { intervalMs: 1_000, misses: 3, of: 3 };

  test("a guest's agent that is silent: fenced before it is moved, and nothing is led to one whose agent is silent", async () => {
    await rig.vim.protections.arm(rig.armed({ guestHeartbeat }));
    agent("b", "silent");
    rig.events.length = 0;
    await confirmed();
    expect(rig.boundTo("traffic1")).toBe("data0");
    agent("a", "silent");
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data0", false]);
    expect([...rig.vim.protections.opinionsOf(rig.portOf(rig.a).id)]).toEqual([["guestHeartbeat", "silent"]]);
    expect(rig.vim.picture.servers.get(rig.a.id)!.status).toBe("ACTIVE");
  });

  test("a disk that failed shortly before: that its server is silent is told with its storage; what is long past, and what ends otherwise, is not", async () => {
    const failed = (agoMs: number) =>
      rig.vim.facts.diskFailed({ id: rig.a.id, storage: "nfs1:/vms", why: "an I/O error of /d (eio)", seenAt: nowMs() - agoMs });
    const last = () => rig.events.flatMap((e) => (e.type === "evidence" ? [e.evidence] : [])).at(-1)!;
    failed(5_000);
    rig.port(rig.a, "silent", "traffic");
    expect(last()).toMatchObject({
      says: "silent",
      storage: "nfs1:/vms",
      detail: expect.stringMatching(/an I\/O error of \/d \(eio\)$/),
    });
    rig.port(rig.b, "silent", "traffic");
    expect(last().storage).toBeUndefined();
    rig.port(rig.a, "answers", "traffic");
    expect(last().storage).toBeUndefined();
    failed(61_000);
    rig.port(rig.a, "silent", "traffic");
    expect(last().storage).toBeUndefined();
    failed(1_000);
    rig.server(rig.a, "stopped");
    expect(last().storage).toBeUndefined();
  });

  test("a guest's agent takes back its own word only, and a new life all", async () => {
    await rig.vim.protections.arm(rig.armed({ guestHeartbeat, holdOffMs: 200 }));
    agent("a", "silent");
    rig.port(rig.a, "answers", "probe");
    await until("fired in spite of an answered probe", () => firedTold().length === 1);
    await rig.vim.protections.arm(rig.armed({ guestHeartbeat, holdOffMs: 200, revision: 2 }));
    agent("b", "silent");
    agent("b", "answers");
    await sleep(400);
    expect(firedTold()).toHaveLength(1);
    rig.server(rig.a, "stopped");
    rig.server(rig.a, "running");
    expect([...rig.vim.protections.opinionsOf(rig.portOf(rig.a).id)]).toEqual([]);
  });

  const believedForMs = (server: typeof rig.a, ms: number) => {
    const about = { kind: "port", id: rig.portOf(server).id } as const;
    rig.vim.facts.portEvidence({ about, says: "answers", source: "arpProbe", seenAt: nowMs() - ms });
  };

  test("an opinion leads to nobody who has answered only just now: it waits until he has proven himself; a fact does not wait", async () => {
    await rig.vim.protections.arm(rig.armed());
    const believedAtMs = nowMs() - 1_700;
    believedForMs(rig.b, 1_700);
    rig.port(rig.a, "silent", "probe");
    expect([firedTold().length, rig.portOf(rig.a).fenced]).toEqual([0, false]);
    await until("fired when the other had proven himself", () => firedTold().length === 1);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data1", true]);
    expect(firedTold()[0]!.firedAt).toBeGreaterThanOrEqual(believedAtMs + 2_000);
  });

  test("where the one to take over begins anew meanwhile, the opinion waits for that too, and is not lost", async () => {
    await rig.vim.protections.arm(rig.armed());
    believedForMs(rig.b, 1_900);
    rig.port(rig.a, "silent", "probe");
    const believedAtMs = nowMs() - 1_500;
    believedForMs(rig.b, 1_500);
    await until("fired when the other had proven himself", () => firedTold().length === 1);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data1", true]);
    expect(firedTold()[0]!.firedAt).toBeGreaterThanOrEqual(believedAtMs + 2_000);
  });

  test("of a member of two groups, one of which holds off, all that is led to it moves when that is over", async () => {
    const { data0, traffic1 } = rig.nets;
    await rig.vim.binds.changeBind(traffic1!.id, data0!.id);
    await rig.vim.protections.arm(rig.armed());
    const plans = [{ failed: A, moves: [{ trafficNet: traffic1!.id, to: B, orElse: [] }], because: ["B is up"] }];
    await rig.vim.protections.arm(rig.armed({ id: "group-2" as GroupId, holdOffMs: 50, plans }));
    rig.port(rig.a, "silent", "probe");
    expect([firedTold().length, rig.portOf(rig.a).fenced]).toEqual([0, false]);
    await until("both fired", () => firedTold().length === 2);
    expect([rig.boundTo("traffic0"), rig.boundTo("traffic1"), rig.portOf(rig.a).fenced]).toEqual(["data1", "data1", true]);
  });

  test("an opinion that is taken back while it waits fires nothing, and a fact fires at once", async () => {
    await rig.vim.protections.arm(rig.armed());
    believedForMs(rig.b, 1_900);
    rig.port(rig.a, "silent", "probe");
    rig.port(rig.a, "answers", "probe");
    await sleep(250);
    expect(firedTold()).toEqual([]);
    believedForMs(rig.b, 0);
    rig.server(rig.a, "stopped");
    expect([firedTold().length, rig.boundTo("traffic0")]).toEqual([1, "data1"]);
  });

  test("an opinion closes nobody of whom a part cannot be moved; a fact moves what can be", async () => {
    await rig.vim.binds.changeBind(rig.nets.traffic1!.id, rig.nets.data0!.id);
    await rig.vim.protections.arm(rig.armed()); // Its plan for a knows of traffic0 alone.
    rig.port(rig.a, "silent", "probe");
    expect([firedTold().length, rig.portOf(rig.a).fenced, rig.boundTo("traffic0")]).toEqual([0, false, "data0"]);
    rig.server(rig.a, "paused");
    expect([firedTold().length, rig.portOf(rig.a).fenced, rig.boundTo("traffic0")]).toEqual([1, true, "data1"]);
  });

  test("asked to fence unless it is the last: refused with what stands in the way, and nothing is closed", async () => {
    await rig.vim.protections.arm(rig.armed({ plans: rig.armed().plans.filter((p) => p.failed === A) }));
    rig.port(rig.b, "silent", "probe");
    await expect(rig.vim.protections.fence(GROUP, A, "unlessLast")).rejects.toThrow(/is not fenced: nobody .* \(.* is silent\)/);
    expect(rig.portOf(rig.a).fenced).toBe(false);
    rig.port(rig.b, "answers", "probe");
    believedForMs(rig.b, 500);
    await expect(rig.vim.protections.fence(GROUP, A, "unlessLast")).rejects.toThrow(/has answered for 5\d\d ms/);
    believedForMs(rig.b, 5_000);
    await rig.vim.protections.fence(GROUP, A, "unlessLast");
    expect([rig.portOf(rig.a).fenced, rig.boundTo("traffic0")]).toEqual([true, "data1"]);
  });

  test("asked to fence one that has been silent for ten seconds: whoever answers may take over, and nobody that is silent", async () => {
    await rig.vim.protections.arm(rig.armed({ plans: rig.armed().plans.filter((p) => p.failed === A) }));
    believedForMs(rig.b, 500);
    const silentForMs = (server: typeof rig.a, ms: number) => {
      const about = { kind: "port", id: rig.portOf(server).id } as const;
      rig.vim.facts.portEvidence({ about, says: "answers", source: "probe", seenAt: nowMs() - ms });
      rig.vim.facts.portEvidence({ about, says: "silent", source: "probe", seenAt: nowMs() - ms });
    };
    silentForMs(rig.a, 5_000);
    await expect(rig.vim.protections.fence(GROUP, A, "unlessLast")).rejects.toThrow(/has answered for \d+ ms/);
    silentForMs(rig.b, 1);
    silentForMs(rig.a, 10_000);
    await expect(rig.vim.protections.fence(GROUP, A, "unlessLast")).rejects.toThrow(/is silent/);
    rig.port(rig.b, "answers", "probe");
    await rig.vim.protections.fence(GROUP, A, "unlessLast");
    expect([rig.portOf(rig.a).fenced, rig.boundTo("traffic0")]).toEqual([true, "data1"]);
  });

  describe("with nobody who commands it (the MANO is dead), as by its clock", () => {
    const silentForMs = (server: typeof rig.a, ms: number) => {
      const about = { kind: "port", id: rig.portOf(server).id } as const;
      rig.vim.facts.portEvidence({ about, says: "silent", source: "probe", seenAt: nowMs() - ms });
    };
    const fired = async () => {
      await until("fired", () => firedTold().length === 1);
      expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data1", true]);
      return firedTold()[0]!.firedAt;
    };
    const armedForA = () => rig.armed({ plans: rig.armed().plans.filter((p) => p.failed === A) });

    test("a silence that has lasted for ten seconds leads to whoever is up, for however short", async () => {
      await rig.vim.protections.arm(armedForA());
      const silentAtMs = nowMs() - 9_700;
      believedForMs(rig.b, 0);
      silentForMs(rig.a, 9_700);
      expect(firedTold()).toEqual([]);
      expect(await fired()).toBeGreaterThanOrEqual(silentAtMs + 10_000);
    });

    test("one that has lasted while nobody was up leads to the first that answers", async () => {
      await rig.vim.protections.arm(armedForA());
      silentForMs(rig.b, 1);
      silentForMs(rig.a, 12_000);
      expect(firedTold()).toEqual([]);
      rig.port(rig.b, "answers", "probe");
      await fired();
    });

    test("one that has not lasted leads to who answers again, when he has proven himself since", async () => {
      await rig.vim.protections.arm(armedForA());
      silentForMs(rig.b, 1);
      silentForMs(rig.a, 1_000);
      const backAtMs = nowMs();
      rig.port(rig.b, "answers", "probe");
      expect(await fired()).toBeGreaterThanOrEqual(backAtMs + 2_000);
    });
  });

  test("silence alone does not change the port's status", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.port(rig.a, "silent", "probe");
    expect(rig.portOf(rig.a).status).toBe("ACTIVE");
  });

  test("a link that went down moves traffic and closes nothing: the port opens by itself", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.vim.facts.link("portStatus", tapOf("a"), false, nowMs());
    expect(rig.told()).toEqual(["linkDown by portStatus", "net.bound", "protection.fired"]);
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data1", false]);
  });

  test("a net that is led into both members goes on to be: they change places, and the failed one's port is closed", async () => {
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data0!.id, rig.nets.data1!.id);
    await rig.vim.protections.arm(rig.armed());
    expect(await rig.leavesAt("va")).toBe([tapOf("a"), tapOf("b")].sort().join(" and "));
    rig.server(rig.a, "paused");
    await confirmed();
    const { bindNet, copyNet } = rig.vim.picture.nets.get(rig.nets.traffic0!.id)!;
    expect([bindNet, copyNet]).toEqual([rig.nets.data1!.id, rig.nets.data0!.id]);
    expect([await rig.leavesAt("va"), await rig.leavesAt(tapOf("a"))]).toEqual([tapOf("b"), "drop"]);
    await rig.vim.protections.lift(GROUP, A);
    expect(await rig.leavesAt("va")).toBe([tapOf("a"), tapOf("b")].sort().join(" and "));
  });

  test("once per revision, whoever tells it again; a higher revision may fire again", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.server(rig.a, "stopped", "processExit");
    rig.server(rig.a, "stopped", "libvirt");
    await confirmed();
    expect(firedTold()).toHaveLength(1);
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data0!.id);
    rig.server(rig.a, "stopped", "poll");
    expect([firedTold().length, rig.boundTo("traffic0"), planOf(A).state]).toEqual([1, "data0", "fired"]);
    await rig.vim.protections.arm(rig.armed({ revision: 2 }));
    expect(planOf(A)).toMatchObject({ state: "armed", ready: "all", lastFired: { revision: 1 } });
    rig.server(rig.a, "stopped", "poll");
    expect([firedTold().length, rig.boundTo("traffic0")]).toEqual([2, "data1"]);
  });

  test("a target that is not ACTIVE, is fenced or is silent: nothing moves, nothing is closed, and the plan stays armed", async () => {
    await rig.vim.protections.arm(rig.armed());
    const still = () => {
      expect([firedTold().length, rig.boundTo("traffic0"), rig.portOf(rig.a).fenced, rig.writes.length]).toEqual([
        0,
        "data0",
        false,
        0,
      ]);
      return planOf(A).readiness;
    };
    rig.port(rig.b, "silent", "probe");
    expect(firedTold().map((f) => f.failed)).toEqual([B]); // Traffic of B went to A; now A fails too.
    rig.events.length = rig.writes.length = 0;
    rig.server(rig.a, "paused");
    expect(still()).toContain("the port of relay-b is fenced");
    await rig.vim.protections.lift(GROUP, B);
    rig.writes.length = 0;
    rig.port(rig.b, "answers", "probe");
    rig.port(rig.b, "silent", "probe");
    expect(still()).toContain("relay-b is silent");
    rig.port(rig.b, "answers", "probe");
    rig.vim.facts.link("portStatus", tapOf("b"), false, nowMs());
    expect(still()).toContain("the port of relay-b is DOWN");
    rig.server(rig.a, "paused", "libvirt");
    expect(still()).toMatch(/^cannot fire: /);
  });

  test("twins whose ends come with one read: neither is led to the other, and the first that is back is not fenced", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.vim.facts.gather();
    rig.server(rig.a, "stopped", "processExit");
    rig.server(rig.b, "stopped", "processExit");
    expect(rig.told()).toEqual(["stopped by processExit", "stopped by processExit"]); // The subscribers do not wait.
    await Promise.resolve();
    expect([firedTold().length, rig.writes.length, rig.boundTo("traffic0"), rig.boundTo("traffic1")]).toEqual([
      0,
      0,
      "data0",
      "data1",
    ]);
  });

  test("one end of a read fires when the read is over", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.vim.facts.gather();
    rig.server(rig.a, "stopped", "processExit");
    expect(rig.writes).toHaveLength(0);
    await Promise.resolve();
    expect([rig.writes.length, rig.boundTo("traffic0")]).toEqual([1, "data1"]);
  });

  test("a word in favour does not wait for the end of the read: a new life is not fenced for the end of the one before", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.vim.facts.gather();
    rig.server(rig.a, "stopped");
    rig.server(rig.a, "running");
    expect([firedTold().length, rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual([1, "data1", false]);
    await Promise.resolve();
    expect(rig.portOf(rig.a).fenced).toBe(false);
  });

  test("the link of a port that nobody has told of since the daemon started is stale, whatever the store says", async () => {
    const isStale = () => rig.vim.facts.isStale(rig.portOf(rig.a));
    expect([rig.portOf(rig.a).status, isStale()]).toEqual(["ACTIVE", true]); // Led by hand here: no switch has told.
    rig.vim.facts.link("portStatus", tapOf("a"), true, nowMs());
    expect([rig.told(), isStale()]).toEqual([[], false]);
  });

  test("a net that is bound elsewhere is left there", async () => {
    await rig.vim.protections.arm(rig.armed());
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, null);
    rig.server(rig.a, "stopped");
    expect([firedTold().length, rig.boundTo("traffic0")]).toEqual([0, undefined]);
    expect(planOf(A).readiness).toBe("cannot fire: 'traffic0' is bound to nothing, not to 'data0' of relay-a");
  });

  test("hold-off: a failure that passes fires nothing, one that lasts fires when it is over", async () => {
    await rig.vim.protections.arm(rig.armed({ holdOffMs: 120 }));
    rig.port(rig.a, "silent", "probe");
    await sleep(40);
    rig.port(rig.a, "answers", "probe");
    await sleep(150);
    expect(firedTold()).toEqual([]);
    const at = nowMs();
    rig.server(rig.a, "stopped", "processExit");
    rig.server(rig.a, "stopped", "libvirt");
    expect(firedTold()).toEqual([]);
    const [fired] = await until("fired", () => (firedTold().length > 0 ? firedTold() : undefined));
    expect(fired!.firedAt - at).toBeGreaterThanOrEqual(118); // Timers count whole ms.
    await sleep(50);
    expect(firedTold()).toHaveLength(1);
  });

  test("a refusal of the switch takes everything back and says so", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.refuseNext = true;
    rig.server(rig.a, "paused");
    await until("refused", () => rig.told().includes("protection.refused"));
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced, planOf(A).state]).toEqual(["data0", false, "armed"]);
    expect(rig.told().slice(4)).toEqual(["linkUp by fence", "net.bound", "protection.refused"]);
    await rig.vim.fabric.reconcile();
    expect(await rig.leavesAt("va")).toBe(tapOf("a"));
    await rig.vim.picture.settled();
    await rig.close();
    await rig.open();
    expect([rig.boundTo("traffic0"), rig.portOf(rig.a).fenced]).toEqual(["data0", false]);
  });

  test("who asks meanwhile for the very bind that is refused and taken back is not told that it stands", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.refuseNext = true;
    rig.server(rig.a, "paused");
    const asked = rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data1!.id);
    await expect(asked).rejects.toMatchObject({ code: "SWITCH_REFUSED" });
    expect(rig.boundTo("traffic0")).toBe("data0");
  });

  test("of two who lead a net apart at the same time, the one that came first is told that it was overtaken", async () => {
    const { traffic0, data0, data1 } = rig.nets;
    const first = rig.vim.binds.changeBind(traffic0!.id, data1!.id);
    const second = rig.vim.binds.changeBind(traffic0!.id, data0!.id);
    await expect(first).rejects.toThrow(/'traffic0' was bound to 'data0' while this was under way/);
    expect((await second)?.changes).toBeGreaterThan(0);
  });

  test("from evidence to the last byte on the wire", async () => {
    const times: number[] = [];
    for (let i = 1; i <= 120; i++) {
      await rig.vim.protections.arm(rig.armed({ revision: i }));
      const at = nowMs();
      rig.port(rig.a, "silent", "probe");
      times.push(firedTold().at(-1)!.onWireAt! - at);
      await rig.vim.protections.lift(GROUP, A);
      rig.answers(rig.a);
      await rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data0!.id);
    }
    expect(firedTold()).toHaveLength(120);
    const sorted = times.slice(20).sort((x, y) => x - y);
    console.log(`evidence to bytes written, n=100: p50 ${sorted[49]!.toFixed(3)} p99 ${sorted[98]!.toFixed(3)} ms`);
  });
});

test("what the switch is to do by itself follows what is armed, and fires away in the same write", async () => {
  const { data0, data1, traffic0, traffic1 } = rig.nets;
  const { standIns } = rig.vim.protections;
  const asked = () => [standIns.of(traffic0!.id, data0!.id), standIns.of(traffic1!.id, data1!.id)];
  await rig.vim.protections.arm(rig.armed({ id: "slow" as GroupId, holdOffMs: 100 }));
  await rig.vim.protections.arm(rig.armed());
  expect(asked()).toEqual([[], []]); // Not before it is written.
  const groups = async () => (await rig.ovs.ofctl("dump-groups", "br0")).match(/type=ff/g)?.length ?? 0;
  await until("fast failover", async () => (await groups()) > 0);
  expect(asked()).toEqual([[data1!.id], [data0!.id]]);
  expect([...standIns.whom(data1!.id)]).toEqual([traffic0!.id]);
  rig.events.length = rig.writes.length = 0;
  rig.server(rig.a, "paused");
  await confirmed();
  expect([rig.writes.length, await rig.leavesAt("va"), await rig.leavesAt(tapOf("a"))]).toEqual([1, tapOf("b"), "drop"]);
  expect(standIns.of(traffic0!.id, data1!.id)).toEqual([]);
  await rig.vim.fabric.reconcile();
  expect(rig.writes).toHaveLength(1);
  await rig.vim.protections.disarm(GROUP);
  await until("no fast failover", async () => (await groups()) === 0);
});

describe("the fence", () => {
  test("a resume keeps it, a new life lifts it", async () => {
    await rig.vim.protections.arm(rig.armed());
    rig.server(rig.a, "paused");
    await confirmed();
    rig.server(rig.a, "running");
    expect([rig.vim.picture.servers.get(rig.a.id)!.status, rig.portOf(rig.a).fenced]).toEqual(["ACTIVE", true]);
    rig.events.length = 0;
    rig.server(rig.a, "stopped");
    rig.server(rig.a, "running");
    expect([rig.portOf(rig.a).fenced, rig.portOf(rig.a).status]).toEqual([false, "BUILD"]);
    expect(rig.told()).toEqual(["stopped by qmp", "running by qmp", "linkUp by fence"]);
    rig.answers(rig.a);
    await rig.vim.binds.changeBind(rig.nets.traffic0!.id, rig.nets.data0!.id);
    expect([await rig.leavesAt("va"), await rig.leavesAt(tapOf("a"))]).toEqual([tapOf("a"), "va"]);
  });

  test("by command: closed at once with what the plan moves, and opened again by an operator", async () => {
    await rig.vim.protections.arm(rig.armed({ holdOffMs: 60_000 }));
    const view = await rig.vim.protections.fence(GROUP, A);
    expect(view.members.map((m) => m.fenced)).toEqual([true, false]);
    expect(rig.told().slice(0, 3)).toEqual(["fenced by fence", "net.bound", "protection.fired"]);
    expect([rig.writes.length, await rig.leavesAt("va"), await rig.leavesAt(tapOf("a"))]).toEqual([1, tapOf("b"), "drop"]);
    await rig.vim.protections.fence(GROUP, A);
    expect(rig.writes).toHaveLength(1);
    await rig.vim.protections.lift(GROUP, A);
    expect([rig.portOf(rig.a).fenced, rig.portOf(rig.a).status]).toEqual([false, "BUILD"]);
    rig.answers(rig.a);
    expect(rig.portOf(rig.a).status).toBe("ACTIVE");
  });

  test("by command where nothing can be moved: closed all the same", async () => {
    await rig.vim.protections.arm(rig.armed({ plans: [] }));
    await rig.vim.protections.fence(GROUP, A);
    expect([rig.told(), rig.boundTo("traffic0"), await rig.leavesAt("va")]).toEqual([["fenced by fence"], "data0", "drop"]);
  });

  test("a net that is edited while its port is fenced stays closed", async () => {
    await rig.vim.protections.arm(rig.armed());
    const edited = rig.vim.ports.editPort(rig.portOf(rig.a).id, { name: "eth9" });
    rig.server(rig.a, "paused");
    await edited;
    await rig.vim.picture.settled();
    expect(rig.portOf(rig.a)).toMatchObject({ name: "eth9", fenced: true });
    await rig.close();
    await rig.open();
    expect(rig.portOf(rig.a)).toMatchObject({ name: "eth9", fenced: true });
  });
});

test("what was armed, what fired and what is fenced outlive the VIM, and a restart changes no entry", async () => {
  await rig.vim.protections.arm(rig.armed());
  rig.server(rig.a, "paused");
  await confirmed();
  await rig.vim.picture.settled();
  const before = rig.vim.protections.list();
  await rig.close();
  rig.writes.length = 0;
  await rig.open();
  expect(rig.vim.protections.list()).toEqual(before);
  expect([rig.portOf(rig.a).fenced, rig.boundTo("traffic0"), planOf(A).state]).toEqual([true, "data1", "fired"]);
  expect(rig.writes).toEqual([]);
  rig.server(rig.b, "stopped"); // Traffic of B would go to A, which is fenced.
  expect(firedTold()).toEqual([]);
});

describe("arming", () => {
  const refused = (more: Parameters<ArmedRig["armed"]>[0]) =>
    expect(rig.vim.protections.arm(rig.armed(more))).rejects.toMatchObject({ code: "INVALID" });

  test("a lower revision is refused with both numbers; the same again changes nothing; the same with other content is refused", async () => {
    await rig.vim.protections.arm(rig.armed({ revision: 7 }));
    await expect(rig.vim.protections.arm(rig.armed({ revision: 6 }))).rejects.toThrow(/revision 6 is older than revision 7/);
    await rig.vim.protections.arm(rig.armed({ revision: 7 }));
    await expect(rig.vim.protections.arm(rig.armed({ revision: 7, holdOffMs: 5 }))).rejects.toThrow(/another content/);
    expect(rig.vim.protections.get(GROUP)).toMatchObject({ revision: 7, holdOffMs: 0 });
  });

  test("what refers to nothing, or to itself, is refused", async () => {
    const { members, plans } = rig.armed();
    const { traffic0, data1 } = rig.nets;
    const plan = (failed: string, to: string, net = traffic0!.id, orElse: string[] = []) => ({
      failed: failed as VnfcId,
      because: [],
      moves: [{ trafficNet: net, to: to as VnfcId, orElse: orElse as VnfcId[] }],
    });
    await refused({ members: [] });
    await refused({ members: [members[0]!, members[0]!] });
    await refused({ members: [{ ...members[0]!, serverId: "gone" as never }, members[1]!] });
    await refused({ members: [{ ...members[0]!, dataNet: traffic0!.id }, members[1]!] });
    await refused({ plans: [plans[0]!, plans[0]!] });
    await refused({ plans: [plan("A", "C")] });
    await refused({ plans: [plan("C", "A")] });
    await refused({ plans: [plan("A", "A")] });
    await refused({ plans: [plan("A", "B", traffic0!.id, ["C"])] });
    await refused({ plans: [plan("A", "B", traffic0!.id, ["A"])] });
    await refused({ plans: [plan("A", "B", traffic0!.id, ["B"])] });
    await refused({ plans: [plan("A", "B", data1!.id)] });
    await refused({ plans: [plan("A", "B", "gone" as never)] });
    const probe = { intervalMs: 100, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null };
    await refused({ probe: { ...probe, misses: 4 } });
    await refused({ probe: { ...probe, icmp: true } });
    await refused({ probe: { ...probe, sourceIp: "10.62.0.100" } });
    expect(rig.vim.protections.list()).toEqual([]);
    expect((await rig.vim.protections.arm(rig.armed({ probe }))).probe).toEqual(probe);
  });

  test("who is probed: members that run and have answered, until it is disarmed", async () => {
    const probe = { intervalMs: 100, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null };
    await rig.vim.protections.arm(rig.armed({ probe }));
    const { id: portId, switchPort, ip, mac } = rig.portOf(rig.a);
    expect(rig.vim.protections.probed()).toContainEqual({
      portId,
      switchPort,
      ip,
      mac,
      policy: probe,
      hostId: rig.a.hostId,
      serverId: rig.a.id,
    });
    expect(rig.vim.protections.probed()).toHaveLength(2);
    rig.server(rig.a, "paused");
    expect(rig.vim.protections.probed().map((t) => t.portId)).toEqual([rig.portOf(rig.b).id]);
    await rig.vim.protections.disarm(GROUP);
    expect(rig.vim.protections.probed()).toEqual([]);
  });

  test("whose guest's agent is asked: members that run, until it is disarmed", async () => {
    const guestHeartbeat = { intervalMs: 1_000, misses: 3, of: 3 };
    await rig.vim.protections.arm(rig.armed({ guestHeartbeat }));
    const asked = () => rig.vim.protections.beaten();
    expect(asked()).toContainEqual({ serverId: rig.a.id, hostId: rig.a.hostId, policy: guestHeartbeat });
    expect(asked()).toHaveLength(2);
    rig.server(rig.a, "paused");
    expect(asked().map((t) => t.serverId)).toEqual([rig.b.id]);
    await rig.vim.protections.disarm(GROUP);
    expect(asked()).toEqual([]);
  });

  test("a server that a protection names may be deleted; its plan then says that it cannot fire", async () => {
    await rig.vim.protections.arm(rig.armed());
    await rig.vim.servers.deleteServer(rig.b.id, { asksGuest: false });
    expect([planOf(A).readiness, planOf(B).readiness]).toEqual([
      "cannot fire: the server of relay-b is gone",
      "cannot fire: the server of relay-b is gone",
    ]);
    rig.server(rig.a, "stopped");
    expect(firedTold()).toEqual([]);
  });
});

test("the routes: shown, armed, refused in words, fenced and taken away", async () => {
  const app = serveOpenvim(rig.vim, false, { clock: systemClock, log: silent });
  const ask = async (method: "GET" | "PUT" | "DELETE", path: string, payload?: object) => {
    const reply = await app.inject({ method, url: `/openvim${path}`, ...(payload && { payload }) });
    return { status: reply.statusCode, body: reply.json() };
  };
  const { data0, data1, traffic0 } = rig.nets;
  const protection = {
    name: "media relay",
    revision: 3,
    hold_off_ms: 0,
    members: [
      { id: "A", name: "relay-a", server_id: rig.a.id, data_net: data0!.id },
      { id: "B", name: "relay-b", server_id: rig.b.id, data_net: data1!.id },
    ],
    plans: [{ failed: "A", moves: [{ net: traffic0!.id, to: "B" }], because: ["B is up"] }],
    probe: { interval_ms: 100, misses: 3, of: 5 },
    guest_heartbeat: { interval_ms: 1_000, misses: 3, of: 3 },
    traffic: { silent_ms: 1_000 },
  };
  const put = (more: object) => ask("PUT", "/protections/group-1", { protection: { ...protection, ...more } });
  expect((await put({})).body.protection).toMatchObject({
    id: "group-1",
    revision: 3,
    plans: [{ state: "armed", ready: "all", readiness: "can fire: traffic0 goes to relay-b", last_fired: null }],
    probe: { interval_ms: 100, misses: 3, of: 5, icmp: false, udp_port: null, tcp_port: null, source_ip: null },
    guest_heartbeat: { interval_ms: 1_000, misses: 3, of: 3 },
    traffic: { silent_ms: 1_000 },
  });
  const says = async (more: object) => {
    const { status, body } = await put(more);
    return `${status} ${body.error.description}`;
  };
  expect(await says({ revision: 2 })).toMatch(/^409 .*revision 2 is older than revision 3/);
  expect(await says({ revision: "x" })).toBe("400 Invalid content  at 'protection:revision': 'x' is not of type 'integer'");
  expect(await says({ probe: { interval_ms: 5, misses: 1, of: 1 } })).toMatch(
    /^400 .* at 'protection:probe:interval_ms': 5 is less than the minimum of 10/,
  );
  expect(await says({ guest_heartbeat: { interval_ms: 50, misses: 1, of: 1 } })).toMatch(
    /^400 .* at 'protection:guest_heartbeat:interval_ms': 50 is less than the minimum of 100/,
  );
  expect(await says({ revision: 4, guest_heartbeat: { interval_ms: 100, misses: 4, of: 3 } })).toMatch(/^400 .*misses 4 of 3/);
  expect(await says({ traffic: { silent_ms: 100 } })).toMatch(/^400 .* at 'protection:traffic:silent_ms'/);
  expect(await says({ id: "group-2" })).toMatch(/^400 .*'group-2' is not the id of the path/);
  expect(await says({ revision: 4, members: [{ ...protection.members[0], server_id: data0!.id }] })).toMatch(/^400 .*not found/);
  const fenced = await ask("PUT", "/protections/group-1/fence/A?unless_last=true");
  expect([fenced.status, fenced.body.protection.members[0].fenced, fenced.body.protection.plans[0].state]).toEqual([
    200,
    true,
    "fired",
  ]);
  expect((await ask("GET", `/ports?device_id=${rig.a.id}`)).body.ports[0].fenced).toBe(true);
  expect((await ask("DELETE", "/protections/group-1/fence/A")).body.protection.members[0].fenced).toBe(false);
  expect((await ask("PUT", "/protections/group-1/fence/C")).status).toBe(404);
  expect((await ask("PUT", "/protections/group-1/fence/A?unless_last=perhaps")).status).toBe(400);
  expect((await ask("PUT", "/protections/group-1/fence/A?last=true")).status).toBe(400);
  rig.port(rig.b, "silent", "traffic");
  expect((await ask("GET", `/ports?device_id=${rig.b.id}`)).body.ports[0].opinions).toEqual({ traffic: "silent" });
  const { paths } = (await ask("GET", "/paths")).body;
  expect(paths).toHaveLength(2);
  expect(paths[0]).toEqual({
    net: traffic0!.id,
    bind_net: data1!.id,
    state: "pending",
    how: null,
    why: "no packet was seen on it yet",
    at_mono_ms: null,
  });
  expect((await ask("GET", "/protections")).body.protections).toHaveLength(1);
  expect((await ask("DELETE", "/protections/group-1")).status).toBe(200);
  expect((await ask("DELETE", "/protections/group-1")).status).toBe(404);
  expect((await ask("GET", "/protections/group-1")).status).toBe(404);
  await app.close();
});
