import type { LibvirtSession } from "../hosts/libvirt.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Source } from "../model/evidence.ts";
import type { Alarm, Failover, ManoEvent } from "../model/mano-event.ts";
import type { NsView } from "../model/ns.ts";
import type { Scheme } from "../model/protection.ts";
import { followMano } from "./event-streams.ts";
import { type FaultKind, prepare, type Victim } from "./fault-injection.ts";
import type { RunningLab } from "./lab.ts";
import type { Measurement } from "./meter.ts";
import { OwnerWatch } from "./owners.ts";
import { rest } from "./rest.ts";
import { type DemoRun, type DemoTimes, viewerResult } from "./result.ts";

/** One thing that happened, at its moment (monotonic ms), in words for the time line. */
export interface Moment {
  readonly at: number;
  readonly text: string;
}

export interface ExperimentOptions {
  readonly fault: FaultKind;
  readonly mode: "push" | "poll";
  readonly scheme: Scheme;
  /** What else happens: right before the fault, while it is being dealt with, or when the viewers are served again. */
  readonly also?: { readonly when: "before" | "during" | "after"; readonly act: () => unknown };
  /** The twin is killed first, and all traffic is on the member that then fails: nobody can take over before one is healed. */
  readonly isTwinDown?: boolean;
  /** Watches who owns viewer A's traffic net in the switch meanwhile. */
  readonly watchesOwners?: boolean;
  /** Nothing is sent from when all is measured until both members are up: a guest boots in half the time where it need not share the cores. */
  readonly restsWhileHealing?: boolean;
  /** Called with each moment of the time line as it becomes known. */
  readonly onMoment: (moment: Moment, faultAt: number | null) => void;
}

/** How long the stream is watched before the fault, and after the first packet through the twin, ms. */
const BEFORE_MS = 300;
const AFTER_MS = 400;
/** A viewer that is not served again within this was missed, ms. The slowest poll that is offered is 5 min; the demo's is 1 s. */
const SERVED_WITHIN_MS = 20_000;
/** A guest boots in 2 to 4 s without KVM, and waits to restore. */
const RESTORED_WITHIN_MS = 60_000;
/** A cut cable is mended after this: a person came by, ms. */
const CABLE_OUT_MS = 2_000;
const LOOK_EVERY_MS = 20;
/** What a member had sent before it failed comes no later than this, ms. */
const STILL_COMING_MS = 500;
const CLEARED_WITHIN_MS = 1_000;
/** A MANO that was killed has its record when it is back: 4 s on idle cores, four times that beside busy ones. */
const RECORD_WITHIN_MS = 30_000;
/** libvirt's own word on a death comes up to 2 s late; the record waits for it. */
const LAST_SOURCE_WITHIN_MS = 4_000;

/** Breaks VNFC A once, watches what happens until all is as it was, and says what was seen. */
export async function runOnce(lab: RunningLab, options: ExperimentOptions): Promise<DemoRun> {
  const { fault, mode, scheme, onMoment } = options;
  const also = async (when: "before" | "during" | "after") => options.also?.when === when && (await options.also.act());
  let faultAt: number | null = null;
  const told: { event: ManoEvent; at: number }[] = [];
  using _stream = followMano(lab.manoUrl, (event, at) => {
    told.push({ event, at });
    const text = headline(event);
    if (text !== null) onMoment({ at: event.monoMs, text }, faultAt);
  });
  using _changes = watchViewers(lab, (moment) => onMoment(moment, faultAt));
  await restored(lab);
  const members = { a: await memberOf(lab, "relay-a"), b: await memberOf(lab, "relay-b") };
  const hitsBoth = scheme !== "ACTIVE_ACTIVE" || options.isTwinDown === true;
  const hit = hitsBoth ? [lab.viewers.A, lab.viewers.B] : [lab.viewers.A];

  await using harm = await lab.harm(members.a.serverId);
  if (options.isTwinDown) await loseTwin(lab, members.b, harm);
  await using owners = options.watchesOwners ? watchOwners(lab, Object.values(members)) : null;
  await systemClock.sleep(BEFORE_MS);
  const inject = await prepare(fault, members.a, harm, systemClock);
  await also("before");
  const faultWall = systemClock.wall();
  const { at, repair } = await inject();
  const acted = also("during");
  faultAt = at;
  onMoment({ at, text: `fault: ${fault} relay-a` }, at);

  const served = await allServedBy(hit, options.isTwinDown ? null : "relay-b", at);
  await acted;
  await also("after");
  await systemClock.sleep(AFTER_MS);
  const window = { fromMs: at - BEFORE_MS, toMs: systemClock.now(), faultMs: at };
  const seen = { A: await lab.viewers.A.measure(window), B: await lab.viewers.B.measure(window) };
  const owned = owners?.between(window.fromMs, window.toMs);
  const isRecordAwaited = options.isTwinDown !== true;
  if (isRecordAwaited) await recordOf(lab, at, isClosed);
  if (options.restsWhileHealing) await lab.media.ask("rest");
  const record = isRecordAwaited ? await recordOf(lab, at, fault === "kill" ? isToldByAll(at) : isClosed) : null;

  if (fault === "link") await systemClock.sleep(Math.max(0, CABLE_OUT_MS - (systemClock.now() - at)));
  await repair();
  const healed = await restored(lab).then(
    () => true,
    () => false,
  );
  // Nothing is moved where both were down and the one that served is the first to be back.
  const isRecorded = record !== null || options.isTwinDown === true;
  const alarms = await alarmsSince(lab, faultWall);
  const alarmsLeft = alarms.filter((a) => a.clearedAt === null).length;
  return {
    fault,
    mode,
    scheme,
    failed: "relay-a",
    incidents: (await failoversSince(lab, at)).length,
    alarmsLeft,
    alarmsRaised: [...new Set(alarms.map((a) => a.probableCause))].sort(),
    redundantAgainMs: healed && alarmsLeft === 0 ? systemClock.now() - at : null,
    ...(owned ? { owners: owned } : {}),
    viewers: [viewerResult("A", seen.A, at, true), viewerResult("B", seen.B, at, hitsBoth)],
    times: timesOf(record, told, seen, at),
    verified: served && healed && isRecorded,
    ...(served && healed && isRecorded ? {} : { note: noteOf(served, healed) }),
  };
}

const noteOf = (served: boolean, healed: boolean) => {
  if (!served) return `viewer A was not served again within ${SERVED_WITHIN_MS} ms`;
  return healed ? "the MANO has no record of it" : "the failed member did not come back";
};

/** The words of the time line; null for what is not worth a line. */
function headline(event: ManoEvent): string | null {
  switch (event.type) {
    case "health.changed":
      return event.to.state === "down" ? `MANO: ${event.vnfcId} is down: ${event.to.why}` : null;
    case "decision.made":
      return event.moves.length > 0 ? `MANO decided: ${event.because.join("; ")}` : null;
    case "failover":
      return event.failover.state === "closed" ? `MANO: ${event.failover.kind} recorded and closed` : null;
    case "heal.started":
      return "MANO heals relay-a";
    case "heal.ended":
      return event.ok === false ? `heal failed: ${event.detail ?? "no reason given"}` : null;
    case "alarm.raised":
      return `alarm raised: ${event.alarm.perceivedSeverity} ${event.alarm.probableCause}`;
    case "alarm.cleared":
      return `alarm cleared: ${event.alarm.probableCause}`;
    default:
      return null;
  }
}

function watchViewers(lab: RunningLab, onMoment: (moment: Moment) => void): Disposable {
  const ends = Object.entries(lab.viewers).map(([name, viewer]) =>
    viewer.on("via", ({ member, atMs }) => onMoment({ at: atMs, text: `viewer ${name}: first packet through ${member}` })),
  );
  return {
    [Symbol.dispose]: () => {
      for (const end of ends) end();
    },
  };
}

async function nsOf(lab: RunningLab): Promise<NsView> {
  return rest<NsView>("GET", `${lab.manoUrl}/mano/v1/ns_instances/${lab.nsId}`);
}

async function memberOf(lab: RunningLab, name: string): Promise<Victim & { readonly name: string }> {
  const vnfc = (await nsOf(lab)).vnfcs.find((v) => v.name === name);
  if (vnfc === undefined) throw new Error(`the network service has no ${name}`);
  const { ports } = await rest<{ ports: { "binding:switch_port"?: string | null }[] }>(
    "GET",
    `${lab.vimUrl}/ports?device_id=${vnfc.vimServerId}`,
  );
  const serviceTap = ports.map((p) => p["binding:switch_port"]).find((p) => typeof p === "string");
  if (serviceTap === undefined || serviceTap === null) throw new Error(`${name} has no port on the switch`);
  return { name, serverId: vnfc.vimServerId, serviceTap, control: lab.control };
}

/** Kills the twin and waits until the MANO says so and relay-a serves everybody. */
async function loseTwin(lab: RunningLab, twin: Victim, harm: LibvirtSession): Promise<void> {
  const inject = await prepare("kill", twin, harm, systemClock);
  const { at } = await inject();
  await allServedBy([lab.viewers.A, lab.viewers.B], "relay-a", at);
  const giveUpAt = at + SERVED_WITHIN_MS;
  const isKnown = async () => (await nsOf(lab)).vnfcs.some((v) => v.name === "relay-b" && v.health?.state === "down");
  while (!(await isKnown()) && systemClock.now() < giveUpAt) await systemClock.sleep(LOOK_EVERY_MS);
}

/** Viewer A's port in the switch is p3. */
const watchOwners = (lab: RunningLab, members: readonly (Victim & { readonly name: string })[]) =>
  new OwnerWatch(lab.managementSocket, "p3", new Map(members.map((m) => [m.serviceTap, m.name])));

/** Alarms raised since the fault, by the wall clock, once they are cleared: each is right after what it is about has ended. */
async function alarmsSince(lab: RunningLab, faultWall: Date): Promise<Alarm[]> {
  const giveUpAt = systemClock.now() + CLEARED_WITHIN_MS;
  for (;;) {
    const alarms = await rest<Alarm[]>("GET", `${lab.manoUrl}/mano/v1/alarms`);
    const isStanding = (a: Alarm) => a.clearedAt === null;
    if (!alarms.some(isStanding) || systemClock.now() > giveUpAt)
      return alarms.filter((a) => isStanding(a) || Date.parse(a.raisedAt) >= faultWall.getTime());
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

/** Waits until a stream flows to all of these viewers through the member; null: through any. False when it does not come to that. */
async function allServedBy(
  viewers: readonly RunningLab["viewers"]["A"][],
  member: string | null,
  since: number,
): Promise<boolean> {
  const giveUpAt = systemClock.now() + SERVED_WITHIN_MS;
  while (systemClock.now() < giveUpAt) {
    const latest = await Promise.all(viewers.map((v) => v.latest()));
    const from = member === null ? since + STILL_COMING_MS : since;
    if (latest.every((l) => (member === null || l.via === member) && (l.lastArrivalMs ?? 0) > from)) return true;
    await systemClock.sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** Waits until both members are up and every traffic net is on its normal one, and the viewers see it so. Throws TIMEOUT. */
async function restored(lab: RunningLab): Promise<void> {
  const giveUpAt = systemClock.now() + RESTORED_WITHIN_MS;
  for (;;) {
    const ns = await nsOf(lab).catch(() => null);
    if (ns !== null && isNormal(ns)) break;
    if (systemClock.now() > giveUpAt)
      throw new Fault("TIMEOUT", `the network service is not back to normal after ${RESTORED_WITHIN_MS} ms: ${stateOf(ns)}`);
    await systemClock.sleep(LOOK_EVERY_MS * 2);
  }
  await lab.media.ask("goOn");
  const since = systemClock.now();
  const normal = Object.fromEntries(
    (await nsOf(lab)).protectionGroups.flatMap((g) => g.trafficNets.map((t) => [t.name, memberName(g, t.normal)])),
  );
  await allServedBy([lab.viewers.A], normal["traffic_net0"] ?? "relay-a", since);
  await allServedBy([lab.viewers.B], normal["traffic_net1"] ?? "relay-b", since);
}

const memberName = (group: NsView["protectionGroups"][number], id: string | null) =>
  group.members.find((m) => m.vnfcId === id)?.name ?? "nobody";

const isNormal = (ns: NsView): boolean =>
  ns.vnfcs.every((v) => v.health?.state === "up") &&
  ns.protectionGroups.every((g) => g.trafficNets.every((t) => t.servedBy === t.normal));

const stateOf = (ns: NsView | null): string =>
  ns === null
    ? "the MANO does not answer"
    : [
        ...ns.vnfcs.map((v) => `${v.name} is ${v.health?.state}`),
        ...ns.protectionGroups.flatMap((g) => g.trafficNets.map((t) => `${t.name} is served by ${memberName(g, t.servedBy)}`)),
      ].join(", ");

/** The MANO's record of this fault, once it is as asked. As it is then, or null, where it does not come to that in time. */
async function recordOf(lab: RunningLab, faultAt: number, isAsAsked: (record: Failover) => boolean): Promise<Failover | null> {
  const giveUpAt = faultAt + RECORD_WITHIN_MS;
  let found: Failover | undefined;
  while (systemClock.now() < giveUpAt) {
    [found] = await failoversSince(lab, faultAt).catch(() => []);
    if (found !== undefined && isAsAsked(found)) return found;
    await systemClock.sleep(LOOK_EVERY_MS * 5);
  }
  return found ?? null;
}

const isClosed = ({ state }: Failover) => state === "closed";

/** Closed, and no more sources are expected to speak. */
const isToldByAll = (faultAt: number) => (record: Failover) =>
  isClosed(record) && !(systemClock.now() < faultAt + LAST_SOURCE_WITHIN_MS && expectsMore(record));

/** Every source was there to hear it, and the slowest has not spoken yet. */
const expectsMore = ({ mode, times }: Failover) => mode !== "poll" && mode !== "restart" && times.seen.libvirt === undefined;

/** The failovers on record that were decided after the fault. */
async function failoversSince(lab: RunningLab, faultAt: number): Promise<Failover[]> {
  const all = await rest<Failover[]>("GET", `${lab.manoUrl}/mano/v1/failovers?limit=10`);
  return all.filter((f) => f.kind === "failover" && (f.times.decided ?? 0) >= faultAt);
}

function timesOf(
  record: Failover | null,
  told: readonly { event: ManoEvent; at: number }[],
  seen: { A: Measurement; B: Measurement },
  faultAt: number,
): DemoTimes {
  const since = (at: number | null | undefined) => (at === null || at === undefined ? null : at - faultAt);
  const times = record?.times;
  const sources = Object.entries(times?.seen ?? {}) as [Source, number][];
  // An alarm is told when a subscriber has it, not when it was written.
  const alarm = told.find(({ event }) => event.type === "alarm.raised" && event.monoMs >= faultAt);
  return {
    fault: 0,
    seen: Object.fromEntries(sources.map(([source, at]) => [source, at - faultAt])),
    told: since(times?.told),
    decided: since(times?.decided),
    onWire: since(times?.onWire),
    barrier: since(times?.barrier),
    verified: since(times?.verified),
    firstPacket: since(seen.A.firstVia?.atMs),
    alarmTold: since(alarm?.at ?? times?.alarmTold),
  };
}
