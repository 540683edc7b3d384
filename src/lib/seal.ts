import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { Fault } from "./fault.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keeps secrets that we must be able to read again (a subscriber's password) unreadable in the store, so that a copy of the store, a
 * backup or a bug report gives none away. AES-256-GCM; the key is a file beside the store that only its owner can read.
 */
export class Seal {
  readonly #key: Buffer;

  private constructor(key: Buffer) {
    this.#key = key;
  }

  /** With the key at `path`, made where there is none; null: one of this run only. Throws CONFIG where the file is no key. */
  static open(path: string | null): Seal {
    if (path === null) return new Seal(randomBytes(KEY_BYTES));
    if (!existsSync(path)) makeKey(path);
    const key = Buffer.from(readFileSync(path, "utf8").trim(), "hex");
    if (key.length !== KEY_BYTES)
      throw new Fault("CONFIG", `${path} is no key of ${KEY_BYTES} bytes in hex: put the right one back, or move it away`, {
        path,
      });
    return new Seal(key);
  }

  /** `purpose`: what it is sealed for, in a word; it opens for nothing else. */
  seal(text: string, purpose = ""): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    cipher.setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64");
  }

  /** Null where it was sealed with another key or for another purpose, or is damaged. */
  unseal(sealed: string, purpose = ""): string | null {
    const bytes = Buffer.from(sealed, "base64");
    try {
      const cipher = createDecipheriv("aes-256-gcm", this.#key, bytes.subarray(0, NONCE_BYTES));
      cipher.setAAD(Buffer.from(purpose));
      cipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), cipher.final()]).toString("utf8");
    } catch {
      return null;
    }
  }
}

/** On the disk before it is used: what is sealed with a lost key is lost. */
function makeKey(path: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, `${randomBytes(KEY_BYTES).toString("hex")}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
