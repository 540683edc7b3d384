import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { DatapathId } from "../model/ids.ts";
import type { ControllerKind, ControllerState } from "../model/sdn-controller.ts";
import type { SwitchEvent } from "../model/switch.ts";
import { Floodlight } from "./floodlight.ts";
import { Onos } from "./onos.ts";
import { BIERMAN02, OpenDaylight, RFC8040 } from "./opendaylight.ts";
import type { Look, RestDialect } from "./rest-dialect.ts";
import { type ControllerAccess, ControllerHttp } from "./rest-http.ts";
import { RestSwitch } from "./rest-switch.ts";

export interface ControllerOptions extends ControllerAccess {
  readonly kind: ControllerKind;
  /** Of OpenDaylight `bierman02` or `rfc8040`; null, and for the others: found out. */
  readonly version: string | null;
  /** The one switch that this controller is asked about. */
  readonly datapath: DatapathId;
  readonly clock: Clock;
  readonly log: Log;
  /** What to call a port of this switch; left out: as the switch does. */
  readonly portName?: (name: string) => string;
  /** How often it is asked for the switch and its ports: nobody tells us when one goes. */
  readonly pollMs?: number;
  /** What a listener of our own would tell of the switch, when the next look finds it. */
  readonly tell: (event: SwitchEvent) => void;
}

const POLL_MS = 1_000;
/** So many unanswered looks in a row end the session: one may be lost in a pause of the controller's own memory. */
const MISSES = 3;

/** Somebody else's controller, looked at every so often, and the session with the switch behind it. */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #dialect: RestDialect;
  #session: RestSwitch | null = null;
  #state: ControllerState = { status: "INACTIVE", lastError: null };
  #misses = 0;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#dialect = dialectOf(options);
  }

  /** Null: the switch cannot be led now. */
  get session(): RestSwitch | null {
    return this.#session;
  }

  get state(): ControllerState {
    return this.#state;
  }

  /** Such as `Floodlight 1.x`. */
  get product(): string {
    return this.#dialect.product;
  }

  /** Looks until `signal` ends it. The session ends with it, and nothing that stands in the switch is touched. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pollMs = POLL_MS } = this.#options;
    while (!signal.aborted) {
      await this.look(signal);
      await clock.sleep(pollMs, signal).catch(() => {});
    }
    this.#end("this VIM speaks to the controller no more");
  }

  /** One look. Never rejects: what is wrong becomes the state. */
  async look(signal?: AbortSignal): Promise<void> {
    try {
      const seen = await this.#dialect.look();
      if (signal?.aborted) return;
      this.#misses = 0;
      if (seen === null) {
        this.#end("the controller has no connection with the switch");
        this.#state = { status: "INACTIVE", lastError: `no switch ${this.#options.datapath} is connected with the controller` };
        return;
      }
      this.#state = { status: "ACTIVE", lastError: null };
      if (this.#session === null)
        this.#begin(new RestSwitch(this.#options.datapath, this.#dialect, this.#options.clock, this.#named(seen)));
      else for (const event of this.#session.look(this.#named(seen))) this.#options.tell(event);
    } catch (e) {
      if (!(e instanceof Fault)) throw e;
      this.#missed(e);
    }
  }

  #named(seen: Look): Look {
    const { portName } = this.#options;
    return portName === undefined ? seen : { ...seen, ports: seen.ports.map((p) => ({ ...p, name: portName(p.name) })) };
  }

  #begin(session: RestSwitch): void {
    const { datapath, log, name, tell } = this.#options;
    this.#session = session;
    log.info({ datapath, controller: name, product: this.#dialect.product, ports: session.ports.size }, "switch up");
    tell({ type: "up", datapath, ports: [...session.ports.values()] });
  }

  #missed(fault: Fault): void {
    this.#misses++;
    this.#state = { status: "ERROR", lastError: fault.message };
    if (this.#misses >= MISSES || this.#session === null) this.#end(fault.message);
  }

  #end(why: string): void {
    const { datapath, log, name, tell } = this.#options;
    if (this.#session === null) return;
    this.#session.end(why);
    this.#session = null;
    log.warn({ datapath, controller: name, why }, "switch down");
    tell({ type: "down", datapath, why });
  }
}

function dialectOf({ kind, version, datapath, ...access }: ControllerOptions): RestDialect {
  const http = new ControllerHttp(access);
  switch (kind) {
    case "floodlight":
      return new Floodlight(http, datapath);
    case "onos":
      return new Onos(http, datapath);
    case "opendaylight":
      return new OpenDaylight(http, datapath, [BIERMAN02, RFC8040].find((r) => r.name === version) ?? null);
  }
}
