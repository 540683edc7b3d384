import type { NetId } from "../model/ids.ts";
import type {
  CommandState,
  Decision,
  Health,
  Member,
  Move,
  ProtectionCommand,
  ProtectionGroup,
  TrafficNet,
} from "../model/protection.ts";
import { Load, standIns } from "./capacity.ts";
import { ringOf } from "./make-room.ts";
import { decideSpares } from "./spare.ts";
import { type GroupView, healthOf, isUp } from "./view.ts";

/** What is decided for one traffic net. */
interface Verdict {
  readonly move?: Move;
  readonly unprotected?: NetId;
  readonly because: string;
  readonly againAt?: number;
  /** It is due to return to its normal member, and finds no room there. */
  readonly isWaiting?: boolean;
  /** How the command stands for this net, where it is about it. */
  readonly command?: CommandState;
}

/** Everything one net's verdict depends on. */
interface Case {
  readonly group: ProtectionGroup;
  readonly view: GroupView;
  /** The operator's command, where it is about this net. */
  readonly command: ProtectionCommand | null;
  readonly load: Load;
  readonly nowMs: number;
  readonly net: TrafficNet;
  readonly current: Member | undefined;
  /** Undefined: there is none, or it is to go, and nothing is led home to it. */
  readonly normal: Member | undefined;
}

/**
 * Which member should serve which traffic net, and why. Pure and total: same arguments, same answer. It never learns which event
 * led to the call, so the first decision after a restart is the one that would have been made before it.
 * Order of what speaks (ITU-T G.8031, table 11-1): lockout, forced switch, signal fail, manual switch, wait-to-restore, no request.
 * A member that is not known to be up gets no traffic, whoever asks; so a forced switch to one waits (signal fail on protection).
 */
export function decide(group: ProtectionGroup, view: GroupView, command: ProtectionCommand | null, nowMs: number): Decision {
  const load = new Load(group, view);
  const decided: Verdict[] = [];
  for (const net of group.trafficNets) {
    const verdict = decideNet({
      group,
      view,
      command: command !== null && isAbout(command, net.netId) ? command : null,
      load,
      nowMs,
      net,
      current: group.members.find((m) => m.vnfcId === view.serving.get(net.netId)),
      normal: group.members.find((m) => m.vnfcId === net.normal && !m.isLeaving),
    });
    if (verdict.move) load.moved(verdict.move);
    decided.push(verdict);
  }
  const ring = ringOf(
    group,
    view,
    load,
    group.trafficNets.filter((_, i) => decided[i]!.isWaiting),
  );
  const way = ring?.way ?? null;
  const verdicts = way === null ? decided : decided.map((v, i) => givenWay(group, group.trafficNets[i]!, v, way));
  const moves = [...decided.flatMap((v) => v.move ?? []), ...(way === null ? [] : [way])]; // It may need the room that the others leave.
  if (way !== null) load.moved(way);
  const unserved = verdicts.flatMap((v) => v.unprotected ?? []);
  const spares = decideSpares(group, view, { moves, unserved, isRing: ring !== null && way === null, load }, nowMs);
  const moments = [...verdicts, spares].flatMap((v) => v.againAt ?? []);
  return {
    moves,
    heal: group.members.filter((m) => healthOf(view, m.vnfcId).state === "down").map((m) => m.vnfcId),
    wake: spares.wake,
    rest: spares.rest,
    unprotected: unserved,
    // First one for each traffic net, in their order.
    because: [
      ...(verdicts.length > 0 ? verdicts.map((v) => v.because) : [`${group.name} has no traffic net`]),
      ...spares.because,
    ],
    command: command === null ? null : standingOf(command, verdicts),
    againAt: moments.length > 0 ? Math.min(...moments) : null,
  };
}

export const isAbout = (command: ProtectionCommand, net: NetId): boolean => command.trafficNets?.includes(net) ?? true;

function decideNet(it: Case): Verdict {
  const { command, current, net, view } = it;
  if (command?.kind === "lockout") return lockOut(it);
  if (command?.kind === "force") {
    const forced = forceTo(it, command);
    if (forced.move || forced.command?.state === "active") return forced;
    return { ...unasked(it), command: forced.command as CommandState };
  }
  if (command?.kind === "manual") return manual(it, command);
  if (current === undefined || healthOf(view, current.vnfcId).state !== "up") return unasked(it);
  if (command?.kind === "clear") return cleared(it);
  return { ...unasked(it), ...(command === null ? {} : { command: active(`${net.name}: the exercise changes no traffic`) }) };
}

/** What speaks where no operator does: signal fail, wait-to-restore, no request. */
function unasked(it: Case): Verdict {
  const { current, normal, net, view } = it;
  if (current === undefined) return assign(it);
  const health = healthOf(view, current.vnfcId);
  if (health.state === "down") return failOver(it, current, health);
  if (health.state === "unknown") return hold(net, current, health);
  if (current.isLeaving) return giveAway(it, current);
  if (normal === undefined || current === normal) return { because: `${net.name} stays on ${current.name}, which is up` };
  return revert(it, current, normal, it.group.policy.waitToRestoreMs);
}

/** Lockout of protection: nothing is protected; each traffic net is on its normal member, or returns to it when that is up. */
function lockOut(it: Case): Verdict {
  const { current, normal, net, view, load } = it;
  const command = active(`${net.name} is locked out of protection`);
  const health = current === undefined ? null : healthOf(view, current.vnfcId);
  const unserved = health === null || health.state === "down" ? { unprotected: net.netId } : {};
  const say = (what: string) => `lockout of protection: ${net.name} ${what}`;
  if (normal !== undefined && current !== normal && isUp(view, normal)) {
    if (load.hasRoom(normal)) return { ...move(it, normal, "command", say(`returns to ${normal.name}, which is up`)), command };
    return { because: say(`waits for room on ${normal.name}, which carries all it may`), command, isWaiting: true, ...unserved };
  }
  if (current === undefined) return { because: say(`waits for ${normal?.name ?? "its normal member"}`), command, ...unserved };
  const although = health?.state === "down" ? `, although it is down (${health.why})` : "";
  return { because: say(`stays on ${current.name}${although}`), command, ...unserved };
}

/** Without a move and not active: signal fail on the member it should go to has precedence, or there is no room on it. */
function forceTo(it: Case, command: ProtectionCommand): Verdict {
  const { current, net, group } = it;
  const to = group.members.find((m) => m.vnfcId === command.to);
  const obstacle = obstacleTo(it, to);
  if (to === undefined || obstacle !== null)
    return { because: "", command: { state: "overridden", because: `forced switch of ${net.name} waits: ${obstacle}` } };
  const text = `forced switch: ${net.name} is led to ${to.name}`;
  if (current === to) return { because: text, command: active(text) };
  return { ...move(it, to, "command", text), command: active(text) };
}

/** A manual switch ends with the first signal fail, or when the member it leads to is not known to be up. */
function manual(it: Case, command: ProtectionCommand): Verdict {
  const { current, net, group, view } = it;
  const to = group.members.find((m) => m.vnfcId === command.to);
  const failed = group.members.find((m) => healthOf(view, m.vnfcId).state === "down");
  const obstacle = failed === undefined ? obstacleTo(it, to) : `${failed.name} is down, and signal fail has precedence`;
  if (to === undefined || obstacle !== null)
    return { ...unasked(it), command: { state: "ended", because: `manual switch of ${net.name} ended: ${obstacle}` } };
  const text = `manual switch: ${net.name} is led to ${to.name}`;
  if (current === to) return { because: text, command: active(text) };
  if (current !== undefined && !isUp(view, current))
    return { ...unasked(it), command: active(`${text} when ${current.name} is known`) };
  return { ...move(it, to, "command", text), command: active(text) };
}

/** `clear` while a normal member waits to be restored: traffic returns at once. Its work is done when nothing waits. */
function cleared(it: Case): Verdict {
  const { current, normal, net, view, group } = it;
  const done: CommandState = { state: "ended", because: `${net.name} waits for nothing` };
  if (current === undefined || normal === undefined || current === normal || !group.policy.revertive || !isUp(view, normal))
    return { ...unasked(it), command: done };
  return { ...revert(it, current, normal, 0), command: active(`${net.name} returns to ${normal.name} without waiting`) };
}

/** Who serves it is to be taken away: it gives it away while it is up, so that nobody is without it for a moment. */
function giveAway(it: Case, current: Member): Verdict {
  const { net, normal, view, load } = it;
  const isGood = normal !== undefined && isUp(view, normal) && load.hasRoom(normal);
  const to = isGood ? normal : standIns(it.group, view, load, current)[0];
  if (to === undefined)
    return {
      because: `${net.name} stays on ${current.name}, which is to go: no other member is known to be up with room for it`,
    };
  return move(it, to, "command", `${current.name} is to go: ${net.name} is led to ${to.name}`);
}

/** Nobody serves it: the normal member if it is up, else any that is. */
function assign(it: Case): Verdict {
  const { net, normal, view, load } = it;
  const to =
    normal !== undefined && isUp(view, normal) && load.hasRoom(normal) ? normal : standIns(it.group, view, load, undefined)[0];
  if (to === undefined)
    return {
      unprotected: net.netId,
      because: `${net.name} is served by nobody, and no member is known to be up with room for it`,
    };
  return move(it, to, "failover", `${net.name} was served by nobody: ${to.name} is up`);
}

function failOver(it: Case, current: Member, health: Health & { state: "down" }): Verdict {
  const { group, net, view, load, nowMs } = it;
  const dueAt = health.sinceMs + group.policy.holdOffMs;
  if (nowMs < dueAt)
    return { because: `${current.name} is down (${health.why}): held off for ${group.policy.holdOffMs} ms`, againAt: dueAt };
  const [to] = standIns(group, view, load, current);
  if (to === undefined) {
    const full = group.members.filter((m) => m !== current && isUp(view, m)).map((m) => `${m.name} carries all it may`);
    const why = full.length > 0 ? full.join(", ") : "no other member is known to be up";
    return { unprotected: net.netId, because: `${current.name} is down (${health.why}), and ${why}: ${net.name} is not served` };
  }
  return move(it, to, "failover", `${current.name} is down (${health.why}): ${net.name} goes to ${to.name}, which is up`);
}

const hold = (net: TrafficNet, current: Member, health: Health & { state: "unknown" }): Verdict => ({
  because: `${net.name} stays on ${current.name}: ${health.why}, and an unknown never moves traffic`,
});

function revert(it: Case, current: Member, normal: Member, waitMs: number): Verdict {
  const { group, net, view, load, nowMs } = it;
  const health = healthOf(view, normal.vnfcId);
  if (health.state !== "up")
    return { because: `${net.name} stays on ${current.name}: ${normal.name} is ${health.state} (${health.why})` };
  if (!group.policy.revertive) return { because: `${net.name} stays on ${current.name}: the group does not revert by itself` };
  const dueAt = health.sinceMs + waitMs;
  if (nowMs < dueAt)
    return { because: `${net.name} stays on ${current.name}: ${normal.name} must be up for ${waitMs} ms first`, againAt: dueAt };
  if (!load.hasRoom(normal))
    return { because: `${net.name} stays on ${current.name}: ${normal.name} carries all it may`, isWaiting: true };
  const why = waitMs > 0 ? `${normal.name} has been up for ${waitMs} ms` : `${normal.name} is up`;
  return move(it, normal, "failback", `${why}: ${net.name} returns to it`);
}

/** The verdict of a net that makes room for others that wait for it, as it waits for them; any other net's is as it was. */
function givenWay({ members }: ProtectionGroup, net: TrafficNet, verdict: Verdict, way: Move): Verdict {
  if (net.netId !== way.trafficNet) return verdict;
  const nameOf = (id: Move["from"]) => members.find((m) => m.vnfcId === id)?.name;
  const because = `${net.name} goes to ${nameOf(way.to)}, which is up: what returns to ${nameOf(way.from)} waits for it, and it for others`;
  return { ...verdict, because };
}

function move(it: Case, to: Member, kind: Move["kind"], because: string): Verdict {
  return { move: { trafficNet: it.net.netId, from: it.current?.vnfcId ?? null, to: to.vnfcId, kind }, because };
}

/** Why traffic cannot be led to this member; null where it can. */
function obstacleTo({ view, load, current }: Case, to: Member | undefined): string | null {
  if (to === undefined) return "there is no such member";
  const health = healthOf(view, to.vnfcId);
  if (health.state !== "up") return `${to.name} is ${health.state} (${health.why})`;
  if (to.isLeaving) return `${to.name} is to go: its VNF is scaled in, or reverted to a snapshot`;
  return to === current || load.hasRoom(to) ? null : `${to.name} carries all it may`;
}

/** One word for all nets: what is active for one is active; what ended for all has ended. */
function standingOf(command: ProtectionCommand, verdicts: readonly Verdict[]): CommandState {
  const states = verdicts.flatMap((v) => v.command ?? []);
  const of = (state: CommandState["state"]) => states.find((s) => s.state === state);
  if (command.kind === "manual" && of("ended")) return of("ended") as CommandState; // It is one command: it does not end by halves.
  return of("active") ?? of("overridden") ?? of("ended") ?? idle(command);
}

/** Said where no traffic net let the command speak: the nets it names are served by somebody not known to be up, or are not there. */
const idle = (command: ProtectionCommand): CommandState =>
  command.kind === "clear"
    ? { state: "ended", because: "nothing waits" }
    : { state: "overridden", because: "signal fail has precedence" };

const active = (because: string): CommandState => ({ state: "active", because });
