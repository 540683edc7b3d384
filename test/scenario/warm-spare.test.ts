import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import type { RunningLab } from "../../src/lab/lab.ts";
import { rest } from "../../src/lab/rest.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { NsView } from "../../src/model/ns.ts";
import { wholeLab } from "./whole-lab.ts";

/** Three guests boot side by side without KVM, on a machine that has other work. */
const PATIENCE_MS = 90_000;

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const giveUpAt = systemClock.now() + PATIENCE_MS;
  while (!(await look())) {
    if (systemClock.now() > giveUpAt) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(20);
  }
}

/** Both viewers get what they see through this member since then. */
async function servedBy(lab: RunningLab, member: string, sinceMs: number): Promise<boolean> {
  const latest = await Promise.all([lab.viewers.A.latest(), lab.viewers.B.latest()]);
  return latest.every((l) => l.via === member && (l.lastArrivalMs ?? 0) > sinceMs);
}

async function kill(ns: NsView, member: string): Promise<number> {
  const qemu = await findQemu(ns.vnfcs.find((v) => v.name === member)!.vimServerId);
  const at = systemClock.now();
  process.kill(qemu!.pid, "SIGKILL");
  return at;
}

test("the twins die one after the other: the spare is resumed when the first does, and serves when the second does", {
  timeout: 400_000,
}, async () => {
  await using lab = await wholeLab("spare", { scheme: "warm-spare" });
  const group = () => rest<ProtectionGroupView>("GET", `${lab.manoUrl}/mano/v1/protection_groups/media-relay`);
  const spare = async () => (await group()).spares[0]!;
  const ns = await rest<NsView>("GET", `${lab.manoUrl}/mano/v1/ns_instances/${lab.nsId}`);
  await until("the spare rests", async () => (await spare()).isWarm);

  const firstAt = await kill(ns, "relay-a");
  await until("relay-b serves", () => servedBy(lab, "relay-b", firstAt));
  await until("the spare answers", async () => (await spare()).lastWakeMs !== null);
  const secondAt = await kill(ns, "relay-b");
  await until("the spare serves", () => servedBy(lab, "relay-c", secondAt));

  const { events } = await rest<{ events: ManoEvent[] }>("GET", `${lab.manoUrl}/mano/v1/events?since=0`);
  const answered = events.find((e) => e.type === "spare.answered")!;
  const { askedAt, resumedAt, answeredAt } = answered as Extract<ManoEvent, { type: "spare.answered" }>;
  const ms = (from: number, to: number | null) => (to === null ? "unknown" : `${(to - from).toFixed(1)} ms`);
  console.info(
    `spare: asked ${ms(firstAt, askedAt)} after the kill of the first twin, ran ${ms(askedAt, resumedAt)} later, first answer ${ms(askedAt, answeredAt)} after it was asked`,
  );

  await until("the twins are back and relay-a serves", () => servedBy(lab, "relay-a", secondAt));
  await until("the spare rests again", async () => (await spare()).isWarm);
  await until("no alarm", async () =>
    (await rest<{ clearedAt: string | null }[]>("GET", `${lab.manoUrl}/mano/v1/alarms`)).every((a) => a.clearedAt !== null),
  );
  expect((await group()).members.map((m) => m.isFenced)).toEqual([false, false, false]);
});
