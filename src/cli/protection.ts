import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { FAULTS, Fault, type FaultCode } from "../lib/fault.ts";
import type { CommandOutcome, ProtectionGroupView } from "../model/group-view.ts";
import type { HealView } from "../model/heal.ts";
import type { CommandKind, Health } from "../model/protection.ts";
import { table } from "./table.ts";

export interface ProtectionOptions {
  readonly mano: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly to?: string;
  readonly net?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export type ProtectionVerb = "list" | "show" | CommandKind;

/** A MANO that is well answers in milliseconds; a command waits for the disk and for what is armed. */
const ANSWER_TIMEOUT_MS = 10_000;

/** What to print. Throws a Fault in words: MANO not reached, no such group, or every reason why a command was refused. */
export async function protection(verb: ProtectionVerb, wanted: string | undefined, options: ProtectionOptions): Promise<string> {
  if (options.ca !== undefined) setDefaultCACertificates([...getCACertificates(), readFileSync(options.ca, "utf8")]);
  const groups = (await ask(options, "GET", "")) as ProtectionGroupView[];
  if (verb === "list") return options.json ? JSON.stringify(groups, null, 2) : listText(groups);
  const group = chosen(groups, wanted, verb);
  if (verb === "show") return options.json ? JSON.stringify(group, null, 2) : showText(group);
  const body = {
    command: verb,
    ...(options.to !== undefined && { to: options.to }),
    ...(options.net !== undefined && { traffic_nets: options.net }),
    dry_run: options.dryRun ?? false,
  };
  const outcome = (await ask(options, "POST", `/${encodeURIComponent(group.id)}/command`, body)) as CommandOutcome;
  return options.json ? JSON.stringify(outcome, null, 2) : outcomeText(verb, group, outcome);
}

/** By id, by name, or by the beginning of either where that is one group only; the only one where none is named to look at. */
function chosen(groups: readonly ProtectionGroupView[], wanted: string | undefined, verb: ProtectionVerb): ProtectionGroupView {
  const there = groups.map((g) => g.name).join(", ") || "none";
  if (wanted === undefined) {
    if (verb === "show" && groups.length === 1) return groups[0]!;
    throw new Fault("INVALID", `sempre protection ${verb} needs a group; there are: ${there}`);
  }
  const exact = groups.filter((g) => g.id === wanted || g.name === wanted);
  const found = exact.length > 0 ? exact : groups.filter((g) => g.id.startsWith(wanted) || g.name.startsWith(wanted));
  if (found.length === 1) return found[0]!;
  if (found.length === 0) throw new Fault("NOT_FOUND", `there is no protection group ${wanted}; there are: ${there}`);
  throw new Fault("INVALID", `${wanted} may be ${found.map((g) => g.name).join(" or ")}; write more of it`);
}

async function ask({ mano, tokenFile }: ProtectionOptions, method: string, path: string, body?: object): Promise<unknown> {
  const url = `${mano.replace(/\/$/, "")}/mano/v1/protection_groups${path}`;
  const headers = {
    "user-agent": `sempre protection (${userInfo().username})`,
    "content-type": "application/json",
    ...(tokenFile !== undefined && { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` }),
  };
  let res: Response;
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    res = await fetch(url, { method, headers, signal, ...(body && { body: JSON.stringify(body) }) });
  } catch (e) {
    const cause = e instanceof Error && e.cause instanceof Error ? e.cause : e;
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new Fault(
      "TIMEOUT",
      `no MANO answers at ${mano} (${why}): start it, or name its address with --mano`,
      {},
      { cause: e },
    );
  }
  const answer: unknown = await res.json().catch(() => null);
  if (res.ok) return answer;
  const { code, detail } = (answer ?? {}) as { code?: string; detail?: string };
  const known = code !== undefined && code in FAULTS ? (code as FaultCode) : "INVALID";
  throw new Fault(known, detail ?? `${method} ${url}: HTTP ${res.status}`);
}

function listText(groups: readonly ProtectionGroupView[]): string {
  if (groups.length === 0) return "there is no protection group: instantiate a network service with high_availability";
  return table(
    ["group", "scheme", "members", "traffic nets", "command", "failover can fire"],
    groups.map((g) => [
      g.name,
      g.scheme,
      g.members.map((m) => `${m.name} ${restOf(g, m.vnfcId) ?? m.health.state}`).join(", "),
      g.trafficNets.map((n) => `${n.name} at ${nameOf(g, n.servedBy)}`).join(", "),
      g.command === null ? null : `${g.command.kind} (${g.command.state})`,
      canFireText(g),
    ]),
  );
}

function showText(g: ProtectionGroupView): string {
  const { revertive, holdOffMs, waitToRestoreMs, probe, traffic } = g.policy;
  const asked =
    probe === null
      ? "members are not probed"
      : `probed every ${probe.intervalMs} ms, silent after ${probe.misses} of ${probe.of}`;
  const fed = traffic === null ? "" : `, silent when for ${traffic.silentMs} ms packets go in and none comes out`;
  return [
    `${g.name} (${g.id}), ${g.scheme}${g.isProtected ? "" : ", not protected yet"}`,
    `${revertive ? `reverts after ${waitToRestoreMs} ms` : "does not revert"}, hold-off ${holdOffMs} ms, ${asked}${fed}`,
    "",
    table(
      ["member", "health", "why", "carries", "capacity"],
      g.members.map((m) => [
        m.name,
        m.isFenced ? "fenced" : (restOf(g, m.vnfcId) ?? m.health.state),
        whyOf(m.health),
        m.serves.length,
        m.capacity,
      ]),
    ),
    "",
    table(
      ["traffic net", "served by", "normally by", "since"],
      g.trafficNets.map((n) => [n.name, nameOf(g, n.servedBy), nameOf(g, n.normal), n.since]),
    ),
    "",
    g.command === null ? "no command is in place" : commandText(g, g.command),
    ...g.because.map((why) => `  ${why}`),
    "",
    `armed in the VIM: ${g.armed.isCurrent ? `yes, revision ${g.armed.revision}` : `no: ${g.armed.why ?? "an older plan"}`}`,
    ...g.readiness.flatMap((r) => r.words.map((words) => `  ${words}`)),
    ...(g.isReady ? [] : ["not ready:", ...g.readyBecause.map((why) => `  ${why}`)]),
    ...g.exposure.map((e) => `  ${e.words}`),
    ...g.spares.map(
      (s) => `  ${s.words}${s.lastWakeMs === null ? "" : `; it last answered ${s.lastWakeMs.toFixed(1)} ms after it was woken`}`,
    ),
    ...g.heals.flatMap(healText),
  ].join("\n");
}

/** Somebody would take over; where not all is as it should be, the first reason goes with it, and the others are counted. */
function canFireText({ readiness, armed, isReady, readyBecause }: ProtectionGroupView): string {
  const can = readiness.length > 0 && readiness.every((r) => r.canFailOver);
  const text = can ? `yes${armed.isCurrent ? ", armed" : ""}` : "no";
  const [first, ...more] = readyBecause;
  if (isReady || first === undefined) return text;
  return `${text}${can ? ", but" : ":"} ${first}${more.length === 0 ? "" : ` (and ${more.length} more)`}`;
}

/** The course of a heal: what was tried and what became of it, what is done now or when next, or why no more. */
function healText({ name, state, tries, triesMax, words }: HealView): string[] {
  const texts = {
    waiting: "will be healed",
    underWay: "is being healed",
    gaveUp: "is not healed any more",
    stuck: "waits for a person",
  };
  return [
    "",
    `${name} ${texts[state]}: ${words}`,
    ...tries.map(
      (t, i) => `  try ${i + 1} of ${triesMax} at ${t.startedAt}: ${t.rung}, because ${t.because}: ${t.outcome ?? "under way"}`,
    ),
  ];
}

function commandText(g: ProtectionGroupView, c: NonNullable<ProtectionGroupView["command"]>): string {
  const to = c.to === null ? "" : ` to ${nameOf(g, c.to)}`;
  const nets = c.trafficNets === null ? "" : ` of ${c.trafficNets.map((n) => netName(g, n)).join(", ")}`;
  return `${c.kind}${nets}${to} is ${c.state}, given at ${c.givenAt} by ${c.givenBy}: ${c.because}`;
}

function outcomeText(verb: ProtectionVerb, g: ProtectionGroupView, { dryRun, moves, because, command }: CommandOutcome): string {
  const happens = moves.map((m) => `${netName(g, m.trafficNet)}: ${nameOf(g, m.from)} → ${nameOf(g, m.to)}`);
  const stands = command === null || command.state === "active" ? [] : [`it is ${command.state}: ${command.because}`];
  return [
    `${verb} ${g.name}: ${dryRun ? "would be accepted; nothing was done" : "accepted"}`,
    ...(happens.length > 0 ? happens.map((line) => `  ${line}`) : ["  no traffic moves"]),
    ...[...because, ...stands].map((why) => `  because ${why}`),
  ].join("\n");
}

const nameOf = (g: ProtectionGroupView, id: string | null): string =>
  id === null ? "nobody" : (g.members.find((m) => m.vnfcId === id)?.name ?? id);
const netName = (g: ProtectionGroupView, id: string): string => g.trafficNets.find((n) => n.netId === id)?.name ?? id;
/** A spare that rests is neither up nor down; null: it is awake, or no spare. */
const restOf = (g: ProtectionGroupView, id: string): string | null => {
  const spare = g.spares.find((s) => s.vnfcId === id && s.rest !== "awake");
  return spare === undefined ? null : spare.isWarm ? "warm" : "going to rest";
};
const whyOf = (health: Health): string | null => (health.state === "up" ? null : health.why);
