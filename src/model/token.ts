/** What a caller may do: look; change what is its own; everything. Each may what those before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const mayAs = (role: Role, needed: Role): boolean => ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** A bearer token as it is kept: by its hash, so that whoever reads the store cannot use it. */
export interface Token {
  /** The part of its text that is no secret: it is named by it in lists and records. */
  readonly id: string;
  /** Whose it is, in words. */
  readonly name: string;
  readonly role: Role;
  /** Whose things it reaches; null: everybody's. */
  readonly tenantId: string | null;
  /** SHA-256 of the secret part, in hex: 256 random bits need no slower hash. */
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}

/** Who asks, as far as a token says. Of an access token (RFC 6749) `id` and `name` are its client's, and `expiresAt` is its own. */
export type Caller = Pick<Token, "id" | "name" | "role" | "tenantId"> & Partial<Pick<Token, "expiresAt">>;
