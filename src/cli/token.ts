import { existsSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { mintToken } from "../lib/bearer.ts";
import { Fault } from "../lib/fault.ts";
import type { Role, Token } from "../model/token.ts";
import { readOmTenants } from "../store/mano-openmano.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { openStore, type Store } from "../store/open.ts";
import { insertToken, readTokens, revokeToken } from "../store/tokens.ts";
import type { VimDb } from "../store/vim-schema.ts";
import { table } from "./table.ts";

/** The store of a daemon, which may run: it sees what is written here with its next request. */
export interface TokenStore {
  readonly daemon: "vim" | "mano";
  readonly path: string;
  readonly migrationsDir: string;
}

export interface AskedToken {
  readonly role: Role;
  readonly tenant?: string | undefined;
  readonly name?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly out?: string | undefined;
}

type Db = Store<VimDb>;

/** Its text, to be shown this once, and a sentence about it. Throws INVALID or NOT_FOUND, and then has made none. */
export function createToken(at: TokenStore, asked: AskedToken): Promise<{ readonly text: string; readonly words: string }> {
  const make = async (db: Db) => {
    const tenant = await tenantOf(db, at, asked);
    const { text, id, hash } = mintToken();
    const { role, expiresAt = null, out } = asked;
    const token: Token = {
      ...{ id, role, hash, expiresAt, revokedAt: null },
      name: asked.name ?? userInfo().username,
      tenantId: tenant?.id ?? null,
      createdAt: new Date().toISOString(),
    };
    if (out !== undefined) writeNew(out, text);
    await insertToken(db, token).catch((e: unknown) => {
      if (out !== undefined) rmSync(out);
      throw e;
    });
    const reach = tenant === null ? "" : ` of tenant ${tenant.name}`;
    const until = expiresAt === null ? "it does not expire" : `good until ${expiresAt}`;
    const where = out === undefined ? "It is shown this once:" : `It is in ${out}.`;
    return { text, words: `token ${id}: ${role}${reach}, ${until}. ${where}` };
  };
  return withStore(at, make, asked.role === "admin");
}

/** Newest last. */
export function listTokens(at: TokenStore, json = false): Promise<string> {
  return withStore(at, async (db) => {
    const tokens = (await readTokens(db)).map(({ hash: _, ...t }) => ({ ...t, state: stateOf(t) }));
    if (json) return JSON.stringify(tokens, null, 2);
    if (tokens.length === 0) return "there is no token: sempre token create makes one";
    const rows = tokens.map((t) => [t.id, t.name, t.role, t.tenantId, t.createdAt, t.expiresAt, t.state]);
    return table(["id", "name", "role", "tenant", "created", "expires", "state"], rows);
  });
}

/** By its id, or its name where that is one token's only. Throws NOT_FOUND or INVALID with those there are. */
export function revokeTokenOf(at: TokenStore, asked: string): Promise<string> {
  return withStore(at, async (db) => {
    const all = await readTokens(db);
    const found = all.filter((t) => t.id === asked || (t.name === asked && stateOf(t) === "good"));
    const there = all.map((t) => `${t.id} (${t.name})`).join(", ") || "none";
    const [token] = found;
    if (!token) throw new Fault("NOT_FOUND", `there is no token ${asked}; there are: ${there}`);
    if (found.length > 1)
      throw new Fault("INVALID", `${asked} is the name of ${found.length} tokens; name one by its id: ${there}`);
    await revokeToken(db, token.id, new Date().toISOString());
    return `token ${token.id} (${token.name}) is good for nothing from now on`;
  });
}

const stateOf = ({ revokedAt, expiresAt }: Pick<Token, "revokedAt" | "expiresAt">): string =>
  revokedAt !== null ? "revoked" : expiresAt !== null && Date.parse(expiresAt) <= Date.now() ? "expired" : "good";

/** A store that is not there is made where `isNew` allows it: an administrator's token may come before the first start. */
async function withStore<T>(at: TokenStore, work: (db: Db) => Promise<T>, isNew = false): Promise<T> {
  if (!isNew && !existsSync(at.path))
    throw new Fault("NOT_FOUND", `there is no store ${at.path} yet: start the ${at.daemon} first`);
  const db = await openStore<VimDb>(at);
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

async function tenantOf(
  db: Db,
  { daemon }: TokenStore,
  { role, tenant }: AskedToken,
): Promise<{ id: string; name: string } | null> {
  if (role === "admin" && tenant !== undefined)
    throw new Fault("INVALID", "an administrator reaches every tenant: leave --tenant out");
  if (role === "admin" || (daemon === "mano" && tenant === undefined)) return null;
  if (tenant === undefined) throw new Fault("INVALID", `a VIM's ${role} is of one tenant: name it with --tenant`);
  const all = daemon === "mano" ? await manoTenantsOf(db) : await db.selectFrom("tenants").select(["id", "name"]).execute();
  const found = all.find((t) => t.id === tenant || t.name === tenant);
  if (found) return found;
  const none =
    daemon === "mano"
      ? 'none yet (POST /openmano/tenants makes one: {"tenant": {"name": "…"}})'
      : "none yet (the VIM makes one at its first start)";
  const there = all.map((t) => t.name).join(", ") || none;
  throw new Fault("NOT_FOUND", `there is no tenant ${tenant}; there are: ${there}`);
}

/** The MANO's tenants are those that OpenMANO's dialect makes. */
async function manoTenantsOf(db: Db): Promise<{ id: string; name: string }[]> {
  return (await readOmTenants(db as unknown as ManoStore)).map((t) => ({ id: t.uuid, name: t.name }));
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, `${text}\n`, { mode: 0o600, flag: "wx" });
  } catch (e) {
    throw new Fault("INVALID", `--out: ${(e as Error).message}`, { path }, { cause: e });
  }
}
