import { readAlarms, readFailovers } from "../../src/store/mano-records.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import type { Invariants } from "./invariants.ts";
import { Life } from "./sim-clock.ts";
import type { System } from "./system.ts";

/** Why a record is closed though no packet was seen on the new way. */
const UNVERIFIED = /^overtaken: |not verified by packets: /;

/** The records of failovers and alarms, looked at again when the disk was written. */
export class Records {
  readonly #system: System;
  readonly #invariants: Invariants;
  #writes = -1;
  #amiss: string[] = [];

  constructor(system: System, invariants: Invariants) {
    this.#system = system;
    this.#invariants = invariants;
  }

  /** What is wrong with them while all members are up: nothing may be open, nothing raised. */
  async amiss(): Promise<string[]> {
    const { writes } = this.#system.disks.mano;
    if (writes !== this.#writes) this.#amiss = await recordsAmiss(this.#system, this.#invariants);
    this.#writes = writes;
    return this.#amiss;
  }
}

async function recordsAmiss(system: System, invariants: Invariants): Promise<string[]> {
  const nfvo = system.manoLife?.nfvo;
  if (!nfvo || system.manoLife?.life.isOver) return ["7 the MANO is not up"];
  const db = system.disks.mano.open<ManoTables>(new Life("reader", system.sim), false);
  const found: string[] = [];
  const failovers = await readFailovers(db, 200);
  for (const f of failovers)
    if (f.state !== "closed") found.push(`7 record ${f.kind} about ${f.about.slice(0, 8)} is ${f.state}: ${f.because.at(-1)}`);
  for (const { member, serverId } of system.members) {
    const records = failovers.filter((f) => f.kind === "failover" && f.about === member.vnfcId).length;
    const outages = invariants.outages.filter((o) => o.guest === serverId).length;
    if (records > outages) found.push(`7 ${member.name} failed ${outages} times, and there are ${records} records of it`);
  }
  for (const f of failovers)
    if (f.state === "closed" && f.times.verified === null && !f.because.some((why) => UNVERIFIED.test(why)))
      found.push(`7 record ${f.kind} about ${f.about.slice(0, 8)} is closed, and nobody saw a packet: ${f.because.at(-1)}`);
  if (invariants.failovers > 0 && !failovers.some((f) => f.kind === "failover"))
    found.push(`7 traffic was moved ${invariants.failovers} times, and there is no record of it`);
  for (const a of await readAlarms(db, 200))
    if (a.clearedAt === null)
      found.push(`alarm ${a.probableCause} of ${a.managedObjectId.slice(0, 8)} is raised: ${a.faultDetails.join("; ")}`);
  return found;
}
