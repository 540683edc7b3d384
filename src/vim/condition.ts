import type { Source } from "../model/evidence.ts";
import type { StoreCondition, SwitchCondition, VimCondition } from "../model/vim-condition.ts";
import type { VimEvent } from "../model/vim-event.ts";
import type { VimEvents } from "./events.ts";

/** How this VIM is, from what it has told of itself. */
export class Condition {
  readonly #standIns: () => readonly string[];
  #switch: Omit<SwitchCondition, "standIns"> = { datapath: null, isConnected: false, why: null };
  #store: StoreCondition = { isWritable: true, why: null };
  readonly #suspended = new Map<Source, string>();
  /** False where there is no switch to lead. */
  leadsSwitch = true;

  /** `standIns`: names of the traffic nets that the switch leads on by itself. */
  constructor(events: VimEvents, standIns: () => readonly string[]) {
    this.#standIns = standIns;
    events.subscribe((e) => this.#hear(e));
  }

  now(): VimCondition {
    return {
      switch: this.leadsSwitch ? { ...this.#switch, standIns: this.#standIns() } : null,
      store: this.#store,
      suspended: Object.fromEntries(this.#suspended),
    };
  }

  #hear(e: VimEvent): void {
    if (e.type === "switch.status")
      this.#switch = { datapath: e.datapath, isConnected: e.status === "connected", why: e.why ?? null };
    else if (e.type === "store.status") this.#store = { isWritable: e.status === "writable", why: e.why ?? null };
    else if (e.type === "opinions.suspended") this.#suspended.set(e.source ?? "probe", e.why);
    else if (e.type === "opinions.counted") this.#suspended.delete(e.source ?? "probe");
  }
}
