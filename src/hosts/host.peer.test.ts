import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestHost, type TestHost } from "../../test/harness/libvirt.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import { probeAccel } from "./accel.ts";
import type { DomainSpec } from "./domain-xml.ts";
import { type Host, type HostEvent, openHost } from "./host.ts";
import { connectLibvirt } from "./libvirt.ts";
import { openProcessExit, type ProcessExit } from "./process-exit.ts";
import { findQemu, readProcess } from "./qemu-process.ts";

const SOURCES: readonly Source[] = ["libvirt", "processExit", "qmp"];

let peer: TestHost;
let processExit: ProcessExit | null;

beforeAll(async () => {
  peer = await startTestHost();
  processExit = await openProcessExit({ clock, log });
});
afterAll(async () => {
  await processExit?.[Symbol.asyncDispose]();
  await peer?.[Symbol.asyncDispose]();
});

const open = (more: { readonly epoch?: number } = {}): Promise<Host> =>
  openHost({ socketPath: peer.libvirt.socketPath, clock, log, processExit, ...more });

/** Collects what a host tells, and waits for what is wanted. */
function listen(host: Host) {
  const heard: HostEvent[] = [];
  host.on((e) => heard.push(e));
  const evidence = () => heard.flatMap((e) => (e.type === "evidence" ? [e.evidence] : []));
  const until = async (what: string, met: () => boolean) => {
    for (const start = clock.now(); !met(); await delay(5)) {
      if (clock.now() - start > 60_000) throw new Error(`never: ${what}; heard ${JSON.stringify(heard)}`);
    }
  };
  const says = (wanted: Evidence["says"], sources: readonly Source[], id: string, after = 0) =>
    until(`${wanted} by ${sources.join()}`, () =>
      sources.every((s) => evidence().some((e) => e.source === s && e.says === wanted && e.about.id === id && e.seenAt >= after)),
    );
  const is = (status: string, count: number) =>
    until(`${count} × ${status}`, () => heard.filter((e) => e.type === "host" && e.status === status).length >= count);
  return { heard, evidence, says, is };
}

async function running(host: Host, name: string): Promise<DomainSpec & { id: ServerId; pid: number }> {
  const spec = await peer.spec(name);
  const { says } = listen(host);
  await host.ensureRunning(spec);
  await says("running", ["qmp"], spec.uuid); // Its monitor is joined a little later than the server is told to run.
  return { ...spec, id: spec.uuid as ServerId, pid: (await findQemu(spec.uuid))!.pid };
}

describe("a server on a real libvirtd", () => {
  test("starts paused, runs, pauses, is destroyed and gone; every verb twice", async () => {
    await using host = await open();
    const { says } = listen(host);
    const spec = await peer.spec("verbs <&'\">");
    const id = spec.uuid as ServerId;
    await host.ensureRunning(spec, { paused: true });
    expect(await host.domains()).toEqual([{ id, name: spec.name, state: "paused" }]);
    await says("paused", ["qmp"], id);
    for (let twice = 0; twice < 2; twice++) await host.ensureRunning(spec);
    await says("running", ["libvirt", "qmp"], id);
    for (let twice = 0; twice < 2; twice++) await host.pause(id);
    await says("paused", ["libvirt", "qmp"], id);
    for (let twice = 0; twice < 2; twice++) await host.resume(id);
    for (let twice = 0; twice < 2; twice++) await host.destroy(id);
    await says("stopped", SOURCES, id);
    expect(await host.domains()).toMatchObject([{ id, state: "shutoff" }]);
    for (let twice = 0; twice < 2; twice++) await host.ensureGone(id);
    expect(await host.domains()).toEqual([]);
  });

  test("of a later leader: nothing is done to it; of an earlier one: it is taken", async () => {
    await using ours = await open({ epoch: 7 });
    await using older = await open({ epoch: 6 });
    const spec = await peer.spec("led");
    const id = spec.uuid as ServerId;
    await ours.ensureRunning(spec);
    const verbs = ["pause", "resume", "shutdown", "destroy", "ensureGone"] as const;
    for (const verb of verbs) await expect(older[verb](id)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    await expect(older.ensureRunning(spec)).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(await older.domains()).toEqual([{ id, name: spec.name, state: "running" }]);

    await using newer = await open({ epoch: 8 });
    await newer.ensureRunning(spec); // It runs on, and is the newer one's.
    await expect(ours.destroy(id)).rejects.toMatchObject({ about: { server: id, theirs: 8, epoch: 7 } });
    await newer.ensureGone(id);
    await ours.ensureGone(id); // What is not there is nobody's.
  });

  test("killed: every source says stopped, the process connector by what", async () => {
    await using host = await open();
    const { says, evidence } = listen(host);
    const { id, pid } = await running(host, "killed");
    const killedAt = clock.now();
    process.kill(pid, "SIGKILL");
    await says("stopped", SOURCES, id, killedAt);
    const exit = evidence().find((e) => e.source === "processExit" && e.about.id === id);
    expect(exit).toMatchObject({ says: "stopped", detail: "QEMU was killed by signal 9" });
    await host.ensureGone(id);
  });

  test("what it takes: no CPU while it stands paused, and more when it runs; another run counts anew", async () => {
    await using host = await open();
    const spec = await peer.spec("used");
    const id = spec.uuid as ServerId;
    const used = async () => (await host.usage([id]))[0]!;
    const grown = async (beyond: number) => {
      for (const start = clock.now(); clock.now() - start < 60_000; await delay(20)) {
        const now = await used();
        if (now.cpuMs! > beyond && now.residentMiB !== null) return now; // Null while libvirt does something with it.
      }
      throw new Error(`its CPU time never grew beyond ${beyond} ms`);
    };
    await host.ensureRunning(spec, { paused: true });
    const paused = await grown(0); // What QEMU took to begin.
    await host.resume(id);
    const runs = await grown(paused.cpuMs! + 20); // Its BIOS looks for what to boot.
    expect(runs.run).toBe(paused.run);
    await using another = await open(); // As a VIM that was started again.
    const [again] = await another.usage([id]);
    expect([again!.run, again!.cpuMs! >= runs.cpuMs!]).toEqual([runs.run, true]);
    const held = await readFile(`/proc/${(await findQemu(id))!.pid}/status`, "utf8");
    const residentMiB = Number(/^VmRSS:\s+(\d+)/m.exec(held)![1]) / 1_024;
    expect(runs.residentMiB).toBeGreaterThan(residentMiB / 2);
    expect(runs.residentMiB).toBeLessThan(residentMiB * 2);
    expect(await host.usage([])).toEqual([]);
    const stranger = "00000000-0000-4000-8000-000000000000" as ServerId;
    expect((await host.usage([stranger, id])).map((u) => u.uuid)).toEqual([id]);

    await host.destroy(id);
    for (const u of await host.usage([id])) expect(u).toMatchObject({ run: null, cpuMs: null, residentMiB: null });
    await host.ensureRunning(spec, { paused: true });
    expect((await grown(0)).run).not.toBe(runs.run);
    await host.ensureGone(id);
  });

  test("what a server takes is told while its QEMU stands still", async () => {
    await using host = await open();
    const server = await running(host, "still");
    process.kill(server.pid, "SIGSTOP");
    for (let twice = 0; twice < 2; twice++) expect((await host.usage([server.id]))[0]!.cpuMs).toBeGreaterThan(0);
    await host.destroy(server.id);
    await host.ensureGone(server.id);
  });

  test("one that stands still hears nothing of libvirt, and is destroyed all the same", async () => {
    await using host = await open();
    const server = await running(host, "frozen");
    process.kill(server.pid, "SIGSTOP");
    await host.destroy(server.id);
    expect(await readProcess(server.pid)).toBeNull();
    await host.ensureGone(server.id);
  });

  test("what libvirt refuses comes with its words, and changes nothing", async () => {
    await using host = await open();
    const { id, ...spec } = await running(host, "refused");
    const other = { ...(await peer.spec("refused")), name: spec.name };
    await expect(host.ensureRunning(other)).rejects.toMatchObject({
      code: "HOST_REFUSED",
      message: expect.stringContaining("already exists"),
    });
    await expect(host.pause("00000000-0000-4000-8000-000000000000" as ServerId)).rejects.toMatchObject({ code: "HOST_REFUSED" });
    expect(await host.domains()).toMatchObject([{ id, state: "running" }]);
    await host.ensureGone(id);
  });

  test("found running by a daemon that has just started: watched", async () => {
    const { id, pid } = await openHost({ socketPath: peer.libvirt.socketPath, clock, log, processExit }).then(async (host) => {
      await using closing = host;
      return await running(closing, "found");
    });
    await using host = await open();
    const { says, heard } = listen(host);
    expect(heard[0]).toMatchObject({ type: "host", status: "up" });
    await says("running", ["qmp"], id);
    process.kill(pid, "SIGKILL");
    await says("stopped", SOURCES, id);
    await host.ensureGone(id);
  });
});

describe("libvirtd killed", () => {
  test("the host is unreachable, its servers are still watched, and all is read again after", async () => {
    await using host = await open();
    const { says, is, evidence } = listen(host);
    const [first, second] = [await running(host, "first"), await running(host, "second")];
    peer.libvirt.killLibvirtd();
    await is("unreachable", 1);
    await expect(host.domains()).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
    const killedAt = clock.now();
    process.kill(first.pid, "SIGKILL");
    await says("stopped", ["processExit", "qmp"], first.id, killedAt);

    await peer.libvirt.startLibvirtd();
    await is("up", 2);
    // libvirtd itself may still say "running" of it.
    expect(evidence().findLast((e) => e.about.id === first.id)).toMatchObject({ says: "stopped" });
    await says("running", ["libvirt"], second.id, killedAt);
    const killedNextAt = clock.now();
    process.kill(second.pid, "SIGKILL");
    // A libvirtd that is still joining its QEMUs finds the loss without telling anybody: the other sources must do.
    await says("stopped", ["processExit", "qmp"], second.id, killedNextAt);
    await Promise.all([first, second].map(({ id }) => host.ensureGone(id)));
  });

  test("a call that waits for its answer rejects", async () => {
    const session = await connectLibvirt({ socketPath: peer.libvirt.socketPath, clock, log });
    const closed = new Promise((resolve) => session.on((e) => e.type === "closed" && resolve(e.why)));
    peer.libvirt.killLibvirtd();
    const calls = Array.from({ length: 20 }, () => session.capacity());
    const results = await Promise.allSettled(calls);
    expect(results.filter((r) => r.status === "rejected").every((r) => r.reason.code === "HOST_UNREACHABLE")).toBe(true);
    await closed;
    await expect(session.list()).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
    await peer.libvirt.startLibvirtd();
  });

  test("a host that is not there at all is unreachable, and no error", async () => {
    await using host = await openHost({ socketPath: "/nowhere/libvirt-sock", clock, log, processExit });
    const { heard } = listen(host);
    expect(heard).toMatchObject([{ type: "host", status: "unreachable", why: expect.stringContaining("ENOENT") }]);
    await expect(host.capacity()).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
  });
});

describe("the process connector", () => {
  test("tells of ends before and after the watch, and nothing of others", async () => {
    if (!processExit) return;
    const [watched, other] = [execFile("sleep", ["60"]), execFile("sleep", ["60"])];
    const ref = (await readProcess(watched.pid!))!;
    const ends: unknown[] = [];
    const stop = processExit.watch((await readProcess(other.pid!))!, () => ends.push("unwatched"));
    processExit.watch(ref, ({ pid, exitCode }) => ends.push([pid, exitCode]));
    stop();
    const told = async (count: number) => {
      while (ends.length < count) await delay(5);
    };
    for (const child of [other, watched]) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await told(1);
    processExit.watch(ref, ({ exitCode }) => ends.push(exitCode));
    await told(2);
    await delay(50);
    expect(ends).toEqual([[watched.pid, 9], null]);
  });
});

test("acceleration is one of two, and found in a few seconds", async () => {
  expect(["kvm", "tcg"]).toContain(await probeAccel(log));
});
