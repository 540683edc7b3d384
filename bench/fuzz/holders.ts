import { Gate } from "../../src/api/gate.ts";
import { TokenBook } from "../../src/api/token-book.ts";
import { mintToken } from "../../src/lib/bearer.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { TenantId } from "../../src/model/ids.ts";
import type { Role } from "../../src/model/token.ts";
import type { Store } from "../../src/store/open.ts";
import { insertToken, readTokens } from "../../src/store/tokens.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { Vim } from "../../src/vim/vim.ts";
import type { Chance } from "../../test/chaos/chance.ts";

/** Who asks, and what is shown for it. */
export interface Holder {
  /** Null: nobody that is known. */
  readonly role: Role | null;
  readonly tenantId: TenantId | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Shown by those whom nobody knows. */
const STRANGERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { authorization: "Bearer nonsense" },
  { authorization: "Basic YWRtaW46YWRtaW4=" },
  { authorization: "Bearer " },
  { "x-auth-token": "" },
  { authorization: `Bearer ${"x".repeat(4_000)}` },
];

/** Tokens of a few tenants in each role, of an administrator, and what is none; and the gate that knows them. */
export class Holders {
  readonly gate: Gate;
  readonly #db: Store<VimDb>;
  readonly #vim: Vim;
  readonly #chance: Chance;
  readonly #known = new Map<string, Promise<string>>();
  #version = 0; // An in-memory store has no other connection whose writes could be seen.

  constructor(vim: Vim, db: Store<VimDb>, chance: Chance) {
    [this.#vim, this.#db, this.#chance] = [vim, db, chance];
    const tokens = new TokenBook({ read: () => readTokens(db), version: () => this.#version, clock: systemClock });
    this.gate = new Gate({ tokens, realm: "openvim", clock: systemClock, log: silent });
  }

  async admin(): Promise<Holder> {
    return { role: "admin", tenantId: null, headers: await this.#shown("admin", null) };
  }

  /** Mostly an administrator, so that things are made; then tenants, one of the oldest mostly, since that has most. */
  async next(): Promise<Holder> {
    const chance = this.#chance;
    if (chance.is(0.05)) return { role: null, tenantId: null, headers: chance.one(STRANGERS) };
    const tenants = [...this.#vim.picture.tenants.keys()];
    if (tenants.length === 0 || chance.is(0.4)) return this.admin();
    const tenantId = tenants[chance.whole(0, Math.min(2, tenants.length - 1))]!;
    const role = chance.is(0.75) ? "operator" : "viewer";
    return { role, tenantId, headers: await this.#shown(role, tenantId) };
  }

  async #shown(role: Role, tenantId: TenantId | null): Promise<Record<string, string>> {
    const key = `${role} ${tenantId}`;
    const minted = this.#known.get(key) ?? this.#mint(role, tenantId);
    this.#known.set(key, minted);
    return { authorization: `Bearer ${await minted}` };
  }

  async #mint(role: Role, tenantId: TenantId | null): Promise<string> {
    const { text, id, hash } = mintToken();
    const createdAt = systemClock.wall().toISOString();
    await insertToken(this.#db, { id, name: role, role, tenantId, hash, createdAt, expiresAt: null, revokedAt: null });
    this.#version++;
    return text;
  }
}
