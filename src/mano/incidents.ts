import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Incident, IncidentCause } from "../model/incident.ts";
import type { EventStream } from "../notify/stream.ts";
import { readOpenIncidents, upsertIncident } from "../store/mano-incidents.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { WriteQueue } from "./writes.ts";

/** What is seen of a cause now. */
interface SeenCause {
  readonly cause: IncidentCause;
  readonly alarmId: string | null;
  readonly members: readonly VnfcId[];
}

/** Open incidents, one for each cause: what fails of the same cause goes into the same one, over restarts too. */
export class IncidentBook {
  readonly #clock: Clock;
  readonly #stream: EventStream;
  readonly #writes: WriteQueue;
  readonly #open = new Map<string, Incident>();

  constructor(clock: Clock, stream: EventStream, writes: WriteQueue) {
    this.#clock = clock;
    this.#stream = stream;
    this.#writes = writes;
  }

  async load(db: ManoStore): Promise<void> {
    for (const incident of await readOpenIncidents(db)) this.#open.set(keyOf(incident.cause), incident);
  }

  /** A cause that is there: its incident, with the members that have failed of it until now. */
  found({ cause, alarmId, members }: SeenCause): Incident {
    const had = this.#open.get(keyOf(cause));
    if (had === undefined) {
      const openedAt = this.#clock.wall().toISOString();
      const incident: Incident = {
        id: randomUUID(),
        cause,
        alarmId,
        state: "open",
        openedAt,
        closedAt: null,
        members,
        failovers: [],
      };
      return this.#keep(incident);
    }
    const all = [...new Set([...had.members, ...members])];
    return all.length === had.members.length ? had : this.#keep({ ...had, members: all });
  }

  /** These records are of it. */
  has({ cause }: Incident, failovers: readonly string[]): void {
    const had = this.#open.get(keyOf(cause));
    if (had === undefined) return;
    const all = [...new Set([...had.failovers, ...failovers])];
    if (all.length > had.failovers.length) this.#keep({ ...had, failovers: all });
  }

  /** Closes those whose cause is over and whose failovers all are. */
  settle(isThere: (cause: IncidentCause) => boolean, isOver: (failover: string) => boolean): void {
    for (const incident of [...this.#open.values()]) {
      if (isThere(incident.cause) || !incident.failovers.every(isOver)) continue;
      this.#keep({ ...incident, state: "closed", closedAt: this.#clock.wall().toISOString() });
      this.#open.delete(keyOf(incident.cause));
    }
  }

  #keep(incident: Incident): Incident {
    this.#open.set(keyOf(incident.cause), incident);
    this.#writes.push((tx) => upsertIncident(tx, incident));
    this.#stream.push({ type: "incident", incident });
    return incident;
  }
}

const keyOf = ({ kind, vimAccountId, resourceId }: IncidentCause): string => `${kind} ${vimAccountId} ${resourceId}`;
