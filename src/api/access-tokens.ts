import type { Clock } from "../lib/clock.ts";
import type { Seal } from "../lib/seal.ts";
import { type Caller, mayAs, type Role, type Token } from "../model/token.ts";
import type { KnownTokens } from "./gate.ts";
import type { TokenBook } from "./token-book.ts";

/** So that it is known for what it is, and told from a token of the store before it is opened. */
const PREFIX = "sempre_at_";
const PURPOSE = "access_token";

/** What an access token says when it is opened: whose, as which role, until when (ms since 1970). */
interface Grant {
  readonly client: string;
  readonly role: Role;
  readonly untilMs: number;
}

export interface AccessTokensParts {
  readonly book: TokenBook;
  readonly seal: Seal;
  readonly clock: Clock;
  readonly lifeSeconds: number;
}

/** A token that was issued, in the words of RFC 6749, 5.1. */
export interface Issued {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly scope: Role;
}

/**
 * Short-lived tokens for clients of the store (decision 0104). Each is its own record, sealed with the key beside the store: nothing is
 * written, a restart forgets none, and all of a client's end with the client.
 */
export class AccessTokens implements KnownTokens {
  readonly #parts: AccessTokensParts;

  constructor(parts: AccessTokensParts) {
    this.#parts = parts;
  }

  /** `role`: not more than the client's. */
  issue(client: Pick<Token, "id" | "role">, role: Role): Issued {
    const { seal, clock, lifeSeconds } = this.#parts;
    const grant: Grant = { client: client.id, role, untilMs: clock.wall().getTime() + lifeSeconds * 1_000 };
    const sealed = Buffer.from(seal.seal(JSON.stringify(grant), PURPOSE), "base64").toString("base64url");
    return { access_token: PREFIX + sealed, token_type: "Bearer", expires_in: lifeSeconds, scope: role };
  }

  async find(text: string): Promise<Caller | "unknown" | "expired"> {
    if (!text.startsWith(PREFIX)) return this.#parts.book.find(text);
    const grant = this.#opened(text.slice(PREFIX.length));
    if (grant === null) return "unknown";
    const client = await this.#parts.book.byId(grant.client);
    if (client === undefined) return "unknown";
    const isOver = this.#isOver(grant.untilMs) || !(await this.#parts.book.isGood(client)) || !mayAs(client.role, grant.role);
    if (isOver) return "expired";
    const { id, name, tenantId } = client;
    return { id, name, tenantId, role: grant.role, expiresAt: new Date(grant.untilMs).toISOString() };
  }

  async isGood(caller: Caller): Promise<boolean> {
    const isOver = typeof caller.expiresAt === "string" && this.#isOver(Date.parse(caller.expiresAt));
    return !isOver && this.#parts.book.isGood(caller);
  }

  #isOver = (untilMs: number): boolean => untilMs <= this.#parts.clock.wall().getTime();

  #opened(sealed: string): Grant | null {
    const text = this.#parts.seal.unseal(Buffer.from(sealed, "base64url").toString("base64"), PURPOSE);
    return text === null ? null : (JSON.parse(text) as Grant);
  }
}
