import type { Log } from "../../src/lib/log.ts";
import { Nfvo } from "../../src/mano/nfvo.ts";
import { Requests } from "../../src/mano/requests.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { Move } from "../../src/model/protection.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import type { VimConnector } from "../../src/vimconn/connector.ts";
import { Life, type SimClock } from "./sim-clock.ts";
import type { SimDisk } from "./sim-store.ts";

/** One run of the MANO daemon, from its start to its kill: the parts of src/mano.ts without its HTTP. */
export class ManoLife {
  readonly life: Life;
  readonly #disk: SimDisk;
  readonly #log: Log;
  readonly #connect: (life: Life) => VimConnector;
  readonly #note: ((what: string) => void) | null;
  readonly #violate: (what: string) => void;
  nfvo: Nfvo | null = null;
  requests: Requests | null = null;

  constructor(parts: {
    sim: SimClock;
    disk: SimDisk;
    log: Log;
    connect: (life: Life) => VimConnector;
    /** null: nobody wants the story. */
    note: ((what: string) => void) | null;
    violate: (what: string) => void;
  }) {
    this.life = new Life("mano", parts.sim);
    this.#disk = parts.disk;
    this.#log = parts.log;
    this.#connect = parts.connect;
    this.#note = parts.note;
    this.#violate = parts.violate;
  }

  async start(): Promise<void> {
    const { clock } = this.life;
    const db = this.#disk.open<ManoTables>(this.life);
    const connect = () => this.#connect(this.life);
    const nfvo = await Nfvo.open({ db, clock, log: this.#log, mode: "push", pollIntervalMs: 1_000, connect, readyMaxMs: 60_000 });
    this.nfvo = nfvo;
    this.requests = new Requests(nfvo, db, clock, this.#log);
    nfvo.stream.subscribe((event) => {
      const text = this.#note === null || this.life.isOver ? null : textOf(event);
      if (text !== null) this.#note?.(`MANO: ${text}`);
      if (event.type === "decision.made" && !this.life.isOver) this.#decided(event.moves);
    });
    nfvo.start("chaos");
  }

  /** Seen in the tick of the decision: a failover leaves a member that is known to be down. */
  #decided(moves: readonly Move[]): void {
    for (const { from, kind } of moves) {
      const health = this.nfvo!.reaction.guards.flatMap((g) => g.members).find((m) => m.member.vnfcId === from)?.health;
      if (kind === "failover" && health !== undefined && health.state !== "down")
        this.#violate(`failover from a member that is ${health.state}`);
    }
  }

  /** As kill -9. */
  kill(): void {
    this.life.end();
  }
}

/** What matters of the MANO's own stream, for the transcript of a run. */
function textOf(e: ManoEvent): string | null {
  switch (e.type) {
    case "health.changed":
      return `${e.vnfcId.slice(0, 4)} ${e.from} → ${e.to.state}${e.to.state === "up" ? "" : ` (${e.to.why})`}`;
    case "decision.made":
      return `decides: ${e.because.join("; ")}`;
    case "failover":
      return `record ${e.failover.id.slice(0, 4)} ${e.failover.kind} about ${e.failover.about.slice(0, 4)} (${e.failover.mode}) is ${e.failover.state}`;
    case "heal.started":
    case "heal.ended":
      return `${e.type} of ${e.vnfcId.slice(0, 4)}: ${e.detail ?? e.ok}`;
    case "spare.woken":
    case "spare.rests":
      return `${e.type}: ${e.because}`;
    case "vim.connected":
    case "vim.lost":
      return e.type;
    default:
      return null;
  }
}
