import type { TlsOptions } from "node:tls";
import type { FastifyInstance } from "fastify";
import type { QueryExecutorProvider } from "kysely";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { isLoopback } from "../lib/loopback.ts";
import type { Seal } from "../lib/seal.ts";
import { readTokens } from "../store/tokens.ts";
import { AccessTokens } from "./access-tokens.ts";
import { Gate } from "./gate.ts";
import type { OAuth2Parts } from "./oauth2.ts";
import { type RefusalRoom, refusalRoom } from "./refusal-room.ts";
import { readTls, renewTls, type TlsFiles } from "./tls.ts";
import { TokenBook } from "./token-book.ts";

export interface DoorwayParts {
  readonly realm: string;
  readonly db: QueryExecutorProvider & { dataVersion(): Promise<number> };
  readonly auth: { readonly onLoopback: "open" | "tokens"; readonly beyondLoopback: "open" | "tokens" };
  readonly tls: TlsFiles | undefined;
  /** The setting that `tls` stands in, for messages. */
  readonly setting: string;
  /** Issues access tokens, sealed with this; left out: none are. */
  readonly oauth2?: { readonly seal: Seal; readonly lifeSeconds: number };
  readonly clock: Clock;
  readonly log: Log;
}

/** How the listeners of one daemon are guarded. */
export interface Doorway {
  /** For a listener at this address. */
  guarding(host: string): {
    readonly gate?: Gate;
    readonly tls?: TlsOptions;
    readonly oauth2?: OAuth2Parts;
    readonly refusals: RefusalRoom;
  };
  /** This one takes part in reloads. */
  add(app: FastifyInstance): void;
  /** Reads the certificates again; where they are wrong the old ones stay, and the log says why. */
  reload(): void;
}

/** Throws CONFIG where the certificates cannot be used. */
export function openDoorway({ realm, db, auth, tls: files, setting, oauth2, clock, log }: DoorwayParts): Doorway {
  const tls = files && readTls(files, setting);
  const book = new TokenBook({ read: () => readTokens(db), version: () => db.dataVersion(), clock });
  const access = oauth2 && new AccessTokens({ book, clock, ...oauth2 });
  const tokens = access ?? book;
  const gate = new Gate({ tokens, realm, clock, log });
  const refusals = refusalRoom();
  const apps: FastifyInstance[] = [];
  return {
    guarding: (host) => {
      const isOpen = (isLoopback(host) ? auth.onLoopback : auth.beyondLoopback) === "open";
      if (isOpen && !isLoopback(host))
        log.warn({ host }, "whoever reaches this address may do everything: no token is asked for");
      const issuing = access && { oauth2: { book, access, realm, clock, log } };
      return { ...(!isOpen && { gate }), ...(tls && { tls }), ...issuing, refusals };
    },
    add: (app) => apps.push(app),
    reload: () => {
      if (files === undefined) return log.info("there are no certificates to read again");
      try {
        const renewed = readTls(files, setting);
        for (const app of apps) renewTls(app.server, renewed);
        log.info({ cert: files.cert }, "the certificates were read again");
      } catch (err) {
        log.error({ err }, "the certificates could not be read again: those in use stay");
      }
    },
  };
}
