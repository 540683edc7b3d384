import { Chance } from "./chance.ts";
import { type Planned, planOf, strike } from "./faults.ts";
import { Invariants, unsettled } from "./invariants.ts";
import { Records } from "./records.ts";
import { System, type Template, type Variant, type Violation } from "./system.ts";

const same = (yaml: string) => yaml;
const fed = (yaml: string) => yaml.replace("hold_off_ms: 0,", "hold_off_ms: 0, traffic: { silent_ms: 1000 },");
const unprobed = (yaml: string) => yaml.replace(/, probe: \{[^}]*\}/, "");

export const VARIANTS: readonly Variant[] = [
  {
    name: "active-active 1.3",
    file: "media-relay.yaml",
    version: "1.3",
    edit: fed,
    isProbed: true,
    isRevertive: true,
    owners: 1,
    normal: ["relay-a", "relay-b"],
  },
  {
    name: "active-passive 1.3",
    file: "media-relay-active-passive.yaml",
    version: "1.3",
    edit: same,
    isProbed: true,
    isRevertive: true,
    owners: 1,
    normal: ["relay-a", "relay-a"],
  },
  {
    name: "active-active 1.0",
    file: "media-relay.yaml",
    version: "1.0",
    edit: unprobed,
    isProbed: false,
    isRevertive: true,
    owners: 1,
    normal: ["relay-a", "relay-b"],
  },
  {
    name: "active-active 1.3, hold-off, not revertive",
    file: "media-relay.yaml",
    version: "1.3",
    edit: (yaml) => unprobed(yaml).replace("hold_off_ms: 0", "hold_off_ms: 300").replace("revertive: true", "revertive: false"),
    isProbed: false,
    isRevertive: false,
    owners: 1,
    normal: ["relay-a", "relay-b"],
  },
];

const OTHERS_EVERY = 16;
/** One seed of so many runs with a warm spare beside the twins. */
const WITH_SPARE: Variant = {
  name: "active-passive 1.3, warm spare",
  file: "media-relay-warm-spare.yaml",
  version: "1.3",
  edit: same,
  isProbed: true,
  isRevertive: true,
  owners: 1,
  normal: ["relay-a", "relay-a"],
};
/** And one where both serve all the time. */
const DUPLICATED: Variant = {
  name: "duplicated 1.3",
  file: "media-relay-duplicated.yaml",
  version: "1.3",
  edit: same,
  isProbed: true,
  isRevertive: true,
  owners: 2,
  normal: ["relay-a", "relay-b"],
};
/** Four that serve and two spares, one of them warm, in two groups. */
const POOL: Variant = {
  name: "pool 1.3",
  file: "media-relay-pool.yaml",
  version: "1.3",
  edit: (yaml) => yaml.replace("hold_off_ms: 0 }", "hold_off_ms: 0, probe: { interval: 250, misses: 3, of: 3 } }"),
  isProbed: true,
  isRevertive: true,
  owners: 1,
  normal: ["relay-a", "relay-b", "relay-c", "relay-d"],
};
const OTHERS = new Map([
  [15, WITH_SPARE],
  [11, POOL],
  [7, DUPLICATED],
]);
const variantOf = (seed: number): Variant => OTHERS.get(seed % OTHERS_EVERY) ?? VARIANTS[seed % VARIANTS.length]!;

/** From the start of the daemons until the first fault. */
const START_MS = 2_500;
/** Until a service that has come up is at rest: its spare, too. */
const TEMPLATE_REST_MS = 20_000;
const FAULTS_MAX_MS = 60_000;
/**
 * After the last fault: by then all must be well, and stay so for a while. The longest of the documented times is that of a member that
 * hangs before its first answer and serves nothing: it gets a new life after 300 s.
 */
const QUIET_MAX_MS = 400_000;
const LOOK_EVERY_MS = 500;
/** One run of so many ends with a restart of both daemons, which takes so long. */
const RESTARTED_EVERY = 5;
const RESTARTED_MS = 6_000;
const WELL_FOR_MS = 2_500;

export interface Ran {
  readonly seed: number;
  readonly variant: string;
  readonly plan: readonly Planned[];
  readonly violations: readonly Violation[];
  readonly steps: readonly string[];
  readonly simulatedMs: number;
}

const templates = new Map<Variant, Template>();

async function templateOf(variant: Variant): Promise<Template> {
  const known = templates.get(variant);
  if (known) return known;
  const chance = new Chance(4_711);
  const system = new System(variant, chance, null, true);
  system.sim.install(() => chance.next());
  try {
    await system.provision();
    const isWatched = () => system.guards.length > 0 && system.guards.every((g) => g.isWatched);
    const isUp = () => isWatched() && unsettled(system, new Invariants(system)).length === 0;
    await system.run(system.sim.now() + 60_000, isUp);
    await system.run(system.sim.now() + TEMPLATE_REST_MS);
    if (!isUp()) throw new Error(`${variant.name} does not come up: ${system.steps.join("\n")}`);
    const template = system.keep();
    templates.set(variant, template);
    return template;
  } finally {
    system.sim.uninstall();
  }
}

/** One run of the whole system, from its seed. Where it is not told its steps are not kept, which a failing one is run again for. */
export async function run(seed: number, isTold: boolean): Promise<Ran> {
  const variant = variantOf(seed);
  const template = await templateOf(variant);
  const chance = new Chance(seed);
  const system = new System(variant, chance.branch(), template, isTold);
  const random = chance.branch();
  system.sim.install(() => random.next());
  const onReject = (e: unknown) => system.bug("unhandled rejection", e);
  process.on("unhandledRejection", onReject);
  const traceLimit = Error.stackTraceLimit;
  if (!isTold) Error.stackTraceLimit = 0;
  const startedMs = system.sim.now();
  let plan: readonly Planned[] = [];
  try {
    const invariants = await started(system);
    plan = planOf(chance);
    const faults = chance.branch();
    for (const { fault, atMs } of plan) system.sim.after(atMs, () => strike(fault, system, invariants, faults));
    await throughFaults(system, invariants, plan);
    await quiet(system, invariants);
    if (seed % RESTARTED_EVERY === 0) await restarted(system, invariants);
  } catch (e) {
    system.bug("the run", e);
  } finally {
    system.sim.uninstall();
    await system.sim.turn();
    system.end();
    Error.stackTraceLimit = traceLimit;
    process.off("unhandledRejection", onReject);
  }
  const { violations, steps, sim } = system;
  return { seed, variant: variant.name, plan, violations, steps, simulatedMs: sim.now() - startedMs };
}

/** Both daemons start on a world in which all is well: nothing is written to the switch. */
async function started(system: System): Promise<Invariants> {
  const invariants = new Invariants(system);
  system.startVim();
  system.startMano();
  await system.run(system.sim.now() + START_MS);
  for (const [i, name] of system.variant.normal.entries())
    invariants.setNormal(`v${i}`, [...system.host.guests.values()].find((g) => g.name.startsWith(`media-${name}-`))!.id);
  if (system.fabric.changes > 0)
    system.violate("5 a restart rewrites nothing", `${system.fabric.changes} changes when all was right`);
  const amiss = unsettled(system, invariants);
  if (amiss.length > 0) system.violate("start", amiss.join("; "));
  invariants.outages.length = 0;
  return invariants;
}

/** Until the last fault has ended; commands are cleared by then. */
async function throughFaults(system: System, invariants: Invariants, plan: readonly Planned[]): Promise<void> {
  const { sim } = system;
  const lastMs = sim.now() + plan.at(-1)!.atMs;
  await system.run(sim.now() + FAULTS_MAX_MS, () => {
    look(invariants);
    return system.violations.length > 0 || (sim.now() > lastMs && system.faultsOpen === 0);
  });
  invariants.isCommanded = false;
}

function look(invariants: Invariants): void {
  invariants.follow();
  invariants.checkCommand();
}

async function quiet(system: System, invariants: Invariants): Promise<void> {
  const { sim } = system;
  const endMs = sim.now() + QUIET_MAX_MS;
  const records = new Records(system, invariants);
  let wellSinceMs: number | null = null;
  let amiss: string[] = [];
  while (system.violations.length === 0) {
    await system.run(sim.now() + LOOK_EVERY_MS, () => {
      look(invariants);
      return system.violations.length > 0;
    });
    amiss = unsettled(system, invariants);
    if (amiss.length === 0) amiss = await records.amiss();
    wellSinceMs = amiss.length > 0 ? null : (wellSinceMs ?? sim.now());
    if (wellSinceMs !== null && sim.now() - wellSinceMs >= WELL_FOR_MS) return;
    if (sim.now() > endMs) break;
  }
  describeEnd(system);
  for (const what of amiss) system.violate("after quiet", what);
}

/** Both daemons are killed and start once more, where all is well by now: nothing is written to the switch, and all stays well. */
async function restarted(system: System, invariants: Invariants): Promise<void> {
  if (system.violations.length > 0) return;
  system.killVim();
  system.killMano();
  const { changes } = system.fabric;
  await system.run(system.sim.now() + RESTARTED_MS, () => {
    look(invariants);
    return system.violations.length > 0;
  });
  if (system.fabric.changes > changes)
    system.violate("5 a restart rewrites nothing", `${system.fabric.changes - changes} changes when all was right`);
  for (const what of unsettled(system, invariants)) system.violate("after a restart", what);
}

/** For the transcript: what the daemons believe of the members at the end. */
function describeEnd(system: System): void {
  for (const { member, serverId, health } of system.members) {
    const why = health.state === "up" ? "" : ` (${health.why})`;
    const port = [...(system.vim?.picture.ports.values() ?? [])].find((p) => p.serverId === serverId && p.switchPort !== null);
    const status = system.vim?.picture.servers.get(serverId)?.status;
    system.note(
      `at the end: ${member.name} is ${health.state}${why} for the MANO; ${status}, port ${port?.status}${port?.fenced ? ", fenced" : ""} for the VIM`,
    );
  }
}
