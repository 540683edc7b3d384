import type { FlowPhases, FlowTable } from "../model/flow.ts";
import { afterChanges } from "../steer/changes.ts";

/** What we take to stand in a switch: a table that was read or written, and changes since, worked in when somebody asks. */
export class Believed {
  #table: FlowTable;
  #since: FlowPhases[] = [];

  constructor(table: FlowTable) {
    this.#table = table;
  }

  get table(): FlowTable {
    for (const phases of this.#since.splice(0)) this.#table = afterChanges(this.#table, phases);
    return this.#table;
  }

  changed(phases: FlowPhases): void {
    this.#since.push(phases);
  }
}
