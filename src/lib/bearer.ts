import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** So that a token is known for one where it should not be: in a log, a mail, a repository. */
const PREFIX = "sempre";
const ID_BYTES = 6;
const SECRET_BYTES = 32;
const SHAPE = new RegExp(`^${PREFIX}_([0-9a-f]{${ID_BYTES * 2}})_([A-Za-z0-9_-]{43})$`);

const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** A new token: its text, which is shown once, and what is kept of it. */
export function mintToken(): { readonly text: string; readonly id: string; readonly hash: string } {
  const id = randomBytes(ID_BYTES).toString("hex");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  return { text: `${PREFIX}_${id}_${secret}`, id, hash: hashOf(secret) };
}

/** The two parts of a token's text; null: it is none of ours. */
export function tokenParts(text: string): { readonly id: string; readonly secret: string } | null {
  const [, id, secret] = SHAPE.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

/** Takes as long for a secret that is wrong at its end as for one that is wrong at its beginning. */
export const isSecretOf = (secret: string, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashOf(secret), "hex"), Buffer.from(hash, "hex"));
