import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { ConsoleKind, ConsoleSide, ConsoleTicket, OpenConsole } from "../model/console.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { Picture } from "./picture.ts";

/** A ticket is good for so long, and once. */
const TICKET_MS = 30_000;
/** A console that is open is closed after so long: who has it then may be nobody any more. */
const SESSION_MS = 3_600_000;
const SECRET_BYTES = 32;
/** Tickets that wait to be used; more, and somebody only asks for them. */
const TICKETS_MAX = 1_000;

/** The way to the consoles of one host's servers. */
export type ConsoleHost = (id: ServerId, kind: ConsoleKind, side: ConsoleSide) => Promise<OpenConsole>;

interface Waiting {
  readonly serverId: ServerId;
  readonly kind: ConsoleKind;
  readonly untilMs: number;
}

/**
 * Who may open the console of a server: whoever shows a ticket that was given for it moments ago, once. Tickets are kept as hashes, in memory
 * alone; a restart makes them void.
 */
export class Consoles {
  /** One for each compute host; filled by the composition root. */
  readonly hosts = new Map<HostId, ConsoleHost>();
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(picture: Picture, clock: Clock) {
    this.#picture = picture;
    this.#clock = clock;
  }

  /** Throws NOT_FOUND, NOT_ALLOWED for a server that does not run or has no such console. */
  give(serverId: ServerId, kind: ConsoleKind): ConsoleTicket {
    const server = this.#picture.servers.get(serverId);
    if (!server) throw new Fault("NOT_FOUND", `server ${serverId} not found`);
    if (server.status !== "ACTIVE" && server.status !== "PAUSED")
      throw new Fault("NOT_ALLOWED", `server '${server.name}' is ${server.status}: one that runs has a console`);
    const card = this.#picture.images.get(server.imageId)?.metadata?.hw_video_model ?? "none";
    if (kind === "vnc" && card === "none")
      throw new Fault(
        "NOT_ALLOWED",
        "it has no screen: the metadata of its image want hw_video_model, such as vga; or ask for serial",
      );
    this.#dropOld();
    if (this.#waiting.size >= TICKETS_MAX)
      throw new Fault("TOO_MANY_ATTEMPTS", "too many consoles were asked for and not opened");
    const ticket = randomBytes(SECRET_BYTES).toString("base64url");
    this.#waiting.set(hashOf(ticket), { serverId, kind, untilMs: this.#clock.now() + TICKET_MS });
    return { ticket, kind, ticketMs: TICKET_MS, sessionMs: SESSION_MS };
  }

  /** The console of a ticket, which is good for nothing from then on. Throws UNAUTHENTICATED, or what the host says. */
  async open(ticket: string, side: ConsoleSide): Promise<OpenConsole> {
    this.#dropOld();
    const key = hashOf(ticket);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (waiting === undefined) throw new Fault("UNAUTHENTICATED", "this ticket is used, too old, or none: ask for another one");
    const server = this.#picture.servers.get(waiting.serverId);
    const host = server && this.hosts.get(server.hostId);
    if (!server) throw new Fault("NOT_FOUND", "the server is gone");
    if (!host) throw new Fault("HOST_UNREACHABLE", "this VIM does not reach consoles on the server's host");
    return this.#limited(await host(server.id, waiting.kind, side), side);
  }

  /** Closed when its time is over. */
  #limited(console: OpenConsole, side: ConsoleSide): OpenConsole {
    const isOver = new AbortController();
    void this.#clock.sleep(SESSION_MS, isOver.signal).then(
      () => {
        console.close();
        side.ended("its time is over: ask for another one");
      },
      () => {}, // It was closed before.
    );
    const close = () => {
      isOver.abort();
      console.close();
    };
    return { write: (bytes) => console.write(bytes), close };
  }

  #dropOld(): void {
    const now = this.#clock.now();
    for (const [key, { untilMs }] of this.#waiting) if (untilMs <= now) this.#waiting.delete(key);
  }
}

const hashOf = (ticket: string): string => createHash("sha256").update(ticket).digest("hex");
