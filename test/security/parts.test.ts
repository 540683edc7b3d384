import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { FailedAttempts } from "../../src/api/failed-attempts.ts";
import { TokenBook } from "../../src/api/token-book.ts";
import { isSecretOf, mintToken, tokenParts } from "../../src/lib/bearer.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { Seal } from "../../src/lib/seal.ts";
import { openStore } from "../../src/store/open.ts";
import { insertToken, readTokens, revokeToken } from "../../src/store/tokens.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-parts-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("a token is its id and 256 bits; what is kept tells neither", () => {
  const { text, id, hash } = mintToken();
  const { secret } = tokenParts(text)!;
  expect(tokenParts(text)).toEqual({ id, secret });
  expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  expect(isSecretOf(secret, hash)).toBe(true);
  expect(isSecretOf(`${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`, hash)).toBe(false);
  expect(hash).not.toContain(secret);
  for (const other of ["", "sempre_", text.slice(1), `${text}x`, text.toUpperCase(), `${text}\n`])
    expect(tokenParts(other)).toBeNull();
  expect(mintToken().text).not.toBe(text);
});

test("what is sealed is read with its key only, and not where a bit of it is another", () => {
  const path = join(dir, "a.key");
  const seal = Seal.open(path);
  const sealed = seal.seal("grüße");
  expect(Seal.open(path).unseal(sealed)).toBe("grüße");
  expect(seal.seal("grüße")).not.toBe(sealed);
  expect(Seal.open(null).unseal(sealed)).toBeNull();
  const bytes = Buffer.from(sealed, "base64");
  for (let i = 0; i < bytes.length; i++) {
    const bent = Buffer.from(bytes);
    bent[i]! ^= 1;
    expect(seal.unseal(bent.toString("base64"))).toBeNull();
  }
  expect(seal.unseal("")).toBeNull();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(Buffer.from(readFileSync(path, "utf8").trim(), "hex")).toHaveLength(32);
  writeFileSync(join(dir, "b.key"), "x");
  expect(() => Seal.open(join(dir, "b.key"))).toThrow(/is no key of 32 bytes in hex/);
});

test("a hundred attempts may fail in a row, then one in six seconds; others are not concerned", () => {
  let now = 0;
  const attempts = new FailedAttempts(() => now);
  for (let i = 0; i < 100; i++) {
    expect(attempts.waitOf("a")).toBeNull();
    attempts.failed("a");
  }
  expect(attempts.waitOf("a")).toBe(6_000);
  expect(attempts.waitOf("b")).toBeNull();
  now = 5_999;
  expect(attempts.waitOf("a")).toBeGreaterThan(0);
  now = 6_000;
  expect(attempts.waitOf("a")).toBeNull();
  attempts.failed("a");
  expect(attempts.waitOf("a")).toBe(6_000);
  now = 1e6;
  for (let i = 0; i < 99; i++) attempts.failed("a");
  expect(attempts.waitOf("a")).toBeNull();
});

test("addresses are forgotten rather than kept without end", () => {
  const attempts = new FailedAttempts(() => 0);
  for (let i = 0; i < 100; i++) attempts.failed("first");
  expect(attempts.waitOf("first")).not.toBeNull();
  for (let i = 0; i < 20_000; i++) attempts.failed(`${i}`);
  expect(attempts.waitOf("first")).toBeNull();
});

test("a token that another process makes or revokes is seen with the next question, which reads no rows where nothing changed", async () => {
  const at = { path: join(dir, "vim.db"), migrationsDir: join(import.meta.dirname, "../../sql/vim") };
  const daemons = await openStore<VimDb>(at);
  const clis = await openStore<VimDb>(at);
  let wall = new Date("2026-01-01T00:00:00Z");
  const clock = { ...systemClock, wall: () => wall };
  let reads = 0;
  const read = () => {
    reads++;
    return readTokens(daemons);
  };
  const book = new TokenBook({ read, version: () => daemons.dataVersion(), clock });
  const { text, id, hash } = mintToken();
  expect(await book.find(text)).toBe("unknown");
  const expiresAt = "2026-01-02T00:00:00.000Z";
  const token = { id, hash, name: "n", role: "admin", tenantId: null, createdAt: "2026-01-01T00:00:00.000Z", expiresAt } as const;
  await insertToken(clis, { ...token, revokedAt: null });
  expect(await book.find(text)).toMatchObject({ id, name: "n", role: "admin" });
  expect(await book.find(`${text.slice(0, -43)}${"A".repeat(43)}`)).toBe("unknown");
  expect(reads).toBe(2);

  const startedAt = systemClock.now();
  for (let i = 0; i < 5_000; i++) await book.find(text);
  const eachUs = ((systemClock.now() - startedAt) / 5_000) * 1_000;
  console.log(`a token looked up: ${eachUs.toFixed(1)} µs`);
  expect(reads).toBe(2);

  wall = new Date(expiresAt);
  expect(await book.find(text)).toBe("expired");
  expect(await book.isGood({ id })).toBe(false);
  wall = new Date("2026-01-01T12:00:00Z");
  expect(await book.isGood({ id })).toBe(true);
  await revokeToken(clis, id, "2026-01-01T12:00:00.000Z");
  expect(await book.find(text)).toBe("expired");
  await revokeToken(clis, id, "2027-01-01T12:00:00.000Z");
  expect((await readTokens(clis))[0]!.revokedAt).toBe("2026-01-01T12:00:00.000Z");
  await daemons.destroy();
  await clis.destroy();
});
