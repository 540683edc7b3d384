import type { ExperimentOptions } from "../../src/lab/experiment.ts";
import type { FaultKind } from "../../src/lab/fault-injection.ts";
import type { RunningLab } from "../../src/lab/lab.ts";
import { run } from "../../src/lab/run.ts";

/** What happens to VNFC A, who else fails with it, and what is right then. */
export interface Story {
  readonly name: string;
  readonly fault: FaultKind;
  readonly isTwinDown?: boolean;
  readonly also?: (lab: RunningLab) => NonNullable<ExperimentOptions["also"]>;
  /** Failover records that are right: one, but where traffic may come back to a healed member without any move. */
  readonly incidents: readonly number[];
  /** Causes of alarms that must have been raised since the fault. */
  readonly alarms: readonly string[];
}

const DOWN = ["REDUNDANCY_LOST", "VNFC_DOWN"];
const killed = (pid: number | null) => process.kill(pid as number, "SIGKILL");
/** The kernel resets the connection on both ends; the switch connects anew, after its back-off (at most 1 s). */
const cutSession = (lab: RunningLab) => run("ss", ["-K", "dport", "=", `:${lab.openflowPort}`]);

const broken = (fault: FaultKind): Story => ({ name: fault, fault, incidents: [1], alarms: DOWN });
const killedWith = (name: string, act: (lab: RunningLab) => unknown): Story => ({
  ...broken("kill"),
  name: `kill, ${name}`,
  also: (lab) => ({ when: "before", act: () => act(lab) }),
});

/** Every fault of VNFC A by itself, then its death in the same moment as somebody else's. */
export const STORIES: readonly Story[] = [
  ...(["kill", "pause", "hang", "panic", "relay", "link"] as const).map(broken),
  killedWith("session cut", cutSession),
  killedWith("VIM killed", (lab) => killed(lab.daemons.vim.pid)),
  killedWith("MANO killed", (lab) => killed(lab.daemons.mano.pid)),
  killedWith("VIM and MANO killed", (lab) => [lab.daemons.vim.pid, lab.daemons.mano.pid].map(killed)),
  killedWith("switch killed", (lab) => killed(lab.ovs.switchPid)),
  {
    name: "kill, twin already down",
    fault: "kill",
    isTwinDown: true,
    incidents: [0, 1],
    alarms: ["VNFC_DOWN", "SERVICE_DOWN"], // Redundancy was lost before.
  },
];
