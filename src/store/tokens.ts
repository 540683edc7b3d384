import type { Kysely, QueryExecutorProvider } from "kysely";
import type { Role, Token } from "../model/token.ts";

/** The same table in both stores. */
export interface TokenRow {
  id: string;
  name: string;
  role: string;
  tenant_id: string | null;
  hash: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

/** Either store. */
type Store = QueryExecutorProvider;
const of = (db: Store) => db as unknown as Kysely<{ tokens: TokenRow }>;

const tokenOf = (row: TokenRow): Token => ({
  id: row.id,
  name: row.name,
  role: row.role as Role,
  tenantId: row.tenant_id,
  hash: row.hash,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  revokedAt: row.revoked_at,
});

/** Oldest first; those that are good for nothing any more too. */
export async function readTokens(db: Store): Promise<Token[]> {
  return (await of(db).selectFrom("tokens").selectAll().orderBy("created_at").orderBy("id").execute()).map(tokenOf);
}

export async function insertToken(db: Store, { id, name, role, hash, ...t }: Token): Promise<void> {
  const times = { created_at: t.createdAt, expires_at: t.expiresAt, revoked_at: t.revokedAt };
  await of(db)
    .insertInto("tokens")
    .values({ id, name, role, tenant_id: t.tenantId, hash, ...times })
    .execute();
}

/** Once: when it was revoked first stays. */
export async function revokeToken(db: Store, id: string, at: string): Promise<void> {
  await of(db).updateTable("tokens").set({ revoked_at: at }).where("id", "=", id).where("revoked_at", "is", null).execute();
}
