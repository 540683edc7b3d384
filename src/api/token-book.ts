import { isSecretOf, tokenParts } from "../lib/bearer.ts";
import type { Clock } from "../lib/clock.ts";
import type { Token } from "../model/token.ts";

export interface TokenBookParts {
  readonly read: () => Promise<readonly Token[]>;
  /** Another number when somebody else has written to the store. */
  readonly version: () => number | Promise<number>;
  readonly clock: Clock;
}

/**
 * The tokens of a store, as they stand when they are asked for: who makes or revokes one writes to the store, and the next request
 * sees it.
 */
export class TokenBook {
  readonly #parts: TokenBookParts;
  #tokens: ReadonlyMap<string, Token> = new Map();
  #version: number | null = null;
  #reading: Promise<void> | null = null;

  constructor(parts: TokenBookParts) {
    this.#parts = parts;
  }

  /** The token behind a text; or why it is none: words that tell nothing to one who guesses. */
  async find(text: string): Promise<Token | "unknown" | "expired"> {
    const parts = tokenParts(text);
    if (parts === null) return "unknown";
    const token = await this.byId(parts.id);
    if (!token || !isSecretOf(parts.secret, token.hash)) return "unknown";
    return this.#isOver(token) ? "expired" : token;
  }

  /** Whether a token that was found before is still good. */
  async isGood({ id }: Pick<Token, "id">): Promise<boolean> {
    const token = await this.byId(id);
    return token !== undefined && !this.#isOver(token);
  }

  async byId(id: string): Promise<Token | undefined> {
    if ((await this.#parts.version()) !== this.#version) {
      this.#reading ??= this.#read();
      await this.#reading;
    }
    return this.#tokens.get(id);
  }

  #isOver({ revokedAt, expiresAt }: Token): boolean {
    return revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) <= this.#parts.clock.wall().getTime());
  }

  async #read(): Promise<void> {
    const version = await this.#parts.version(); // Before: what is written while we read is read again.
    try {
      this.#tokens = new Map((await this.#parts.read()).map((t) => [t.id, t]));
      this.#version = version;
    } finally {
      this.#reading = null;
    }
  }
}
