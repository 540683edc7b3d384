import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import type { RunningLab } from "../../src/lab/lab.ts";
import { labName, listNetns } from "../../src/lab/netns.ts";
import { rest } from "../../src/lab/rest.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import type { NsView } from "../../src/model/ns.ts";
import { SolClient } from "../mano/sol-client.ts";
import { wholeLab } from "./whole-lab.ts";

const FILE = readFileSync(new URL("../../examples/sol006/media-service.yaml", import.meta.url), "utf8");
/** Two guests boot one after the other without KVM, on a machine that has other work. */
const PATIENCE_MS = 150_000;
/** A switch-over takes milliseconds and a guest's boot seconds: who is longer without packets than this has waited for a boot. */
const STANDSTILL_MAX_MS = 2_000;
const LOOK_EVERY_MS = 50;

/** The next version of the relays: their machines boot with another command line. */
function nextVersion(): string {
  const [vnfd] = parse(FILE).nfv.vnfd;
  Object.assign(vnfd, { version: "2.0", "software-version": "2.0" });
  for (const vnfc of vnfd.vdu[0].vnfc) vnfc["kernel-cmdline"] += " sempre.release=2";
  return stringify({ nfv: { vnfd: [vnfd] } });
}

async function until<T>(what: string, look: () => Promise<T>): Promise<NonNullable<T>> {
  const giveUpAt = systemClock.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (systemClock.now() > giveUpAt) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** Looks at every viewer until it is told to stop: how long the packets of the one that waited longest stood still, ms. */
function watchViewers({ viewers }: RunningLab): () => Promise<Record<string, number>> {
  const longest: Record<string, number> = { A: 0, B: 0 };
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      for (const [name, viewer] of Object.entries(viewers)) {
        const { lastArrivalMs } = await viewer.latest();
        longest[name] = Math.max(longest[name]!, systemClock.now() - (lastArrivalMs ?? 0));
      }
      await sleep(LOOK_EVERY_MS);
    }
  };
  const looking = look();
  return async () => {
    isOver = true;
    await looking;
    return longest;
  };
}

const cmdlineOf = async (serverId: NsView["vnfcs"][number]["vimServerId"]): Promise<string | null> => {
  const qemu = await findQemu(serverId);
  return qemu && readFileSync(`/proc/${qemu.pid}/cmdline`, "utf8");
};

/** Namespaces of a lab. */
const placesOf = async (lab: string) => (await listNetns()).filter((name) => name.startsWith(labName(lab, "")));

test("a redundant VNF is upgraded: both machines are made anew one after the other, and no viewer waits for a boot", {
  timeout: 300_000,
}, async () => {
  let made: string[] = [];
  {
    await using lab = await wholeLab("upgrade", { scheme: "active-active", descriptor: FILE });
    made = await placesOf(lab.id);
    const sol = new SolClient({ url: lab.manoUrl });
    const group = () => rest<ProtectionGroupView>("GET", `${lab.manoUrl}/mano/v1/protection_groups/media-relay`);
    const ns = () => rest<NsView>("GET", `${lab.manoUrl}/mano/v1/ns_instances/${lab.nsId}`);
    await until(
      "it can fail over, and nothing is under way",
      async () => (await group()).isReady && (await ns()).underWay === null,
    );
    const old = (await ns()).vnfcs;
    expect((await Promise.all(old.map((v) => cmdlineOf(v.vimServerId)))).map((c) => c?.includes("sempre.release=2"))).toEqual([
      false,
      false,
    ]);
    await rest("POST", `${lab.manoUrl}/mano/v1/descriptors`, nextVersion(), "application/yaml");
    const [{ id: vnfInstanceId }] = (await sol.ask("GET", "/vnflcm/v2/vnf_instances")).body;

    const watched = watchViewers(lab);
    const beganMs = systemClock.now();
    const changeVnfPackageData = [{ vnfInstanceId, vnfdId: "media-relay-sol" }];
    const asked = await sol.ask("POST", `/nslcm/v2/ns_instances/${lab.nsId}/update`, {
      updateType: "CHANGE_VNFPKG",
      changeVnfPackageData,
    });
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    const occurrence = new URL(asked.headers.get("location")!).pathname;
    const ended = await until("it has ended", async () => {
      const { body } = await sol.ask("GET", occurrence);
      return body.operationState !== "PROCESSING" && body;
    });
    const standstills = await watched();
    console.info(
      `upgrade: ${((systemClock.now() - beganMs) / 1000).toFixed(1)} s; packets stood still for ${Object.values(standstills)
        .map((ms) => ms.toFixed(0))
        .join(" and ")} ms at most`,
    );
    expect({ state: ended.operationState, detail: ended.error?.detail }).toEqual({ state: "COMPLETED", detail: undefined });
    expect(Math.max(...Object.values(standstills))).toBeLessThan(STANDSTILL_MAX_MS);

    const now = (await ns()).vnfcs;
    expect(now.map((v) => v.id).sort()).toEqual(old.map((v) => v.id).sort());
    for (const { id, vimServerId } of old) {
      expect(await findQemu(vimServerId)).toBeNull();
      expect(await cmdlineOf(now.find((v) => v.id === id)!.vimServerId)).toContain("sempre.release=2");
    }
    expect((await sol.ask("GET", `/vnflcm/v2/vnf_instances/${vnfInstanceId}`)).body.vnfdVersion).toBe("2.0");
    expect((await group()).readyBecause).toEqual([]);
    const alarms = await rest<{ clearedAt: string | null; probableCause: string }[]>("GET", `${lab.manoUrl}/mano/v1/alarms`);
    expect(alarms.filter((a) => a.clearedAt === null).map((a) => a.probableCause)).toEqual([]);

    // And what it says is so: the next that dies is replaced.
    const qemu = await findQemu(now.find((v) => v.name === "relay-a")!.vimServerId);
    const killedMs = systemClock.now();
    process.kill(qemu!.pid, "SIGKILL");
    await until("its viewer is served by the twin", async () => {
      const { via, lastArrivalMs } = await lab.viewers.A.latest();
      return via === "relay-b" && (lastArrivalMs ?? 0) > killedMs;
    });
    expect(systemClock.now() - killedMs).toBeLessThan(STANDSTILL_MAX_MS);
  }
  expect(made).toHaveLength(4);
  expect((await listNetns()).filter((name) => made.includes(name))).toEqual([]);
});
