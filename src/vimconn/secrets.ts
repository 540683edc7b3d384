import { readFileSync } from "node:fs";
import { Fault } from "../lib/fault.ts";
import type { VimAccess } from "../model/ns.ts";

/** The files a VIM lets us in by, read when they are needed first; the token once more when the VIM refuses it, for it may have been renewed. */
export class VimSecrets {
  readonly #access: VimAccess | null;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  #token: string | null = null;

  /** Throws CONFIG naming a certificate that cannot be read. Without its token a VIM is out of reach, and the MANO runs. */
  constructor(access: VimAccess | null) {
    this.#access = access;
    const { caFile = null, certFile = null, keyFile = null } = access ?? {};
    this.tls = {
      ...(caFile !== null && { ca: read("caFile", caFile) }),
      ...(certFile !== null && { cert: read("certFile", certFile) }),
      ...(keyFile !== null && { key: read("keyFile", keyFile) }),
    };
  }

  /** Throws CONFIG naming the file, where it cannot be read. */
  get headers(): { readonly authorization?: string } {
    this.#token ??= this.#readToken();
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  wereRefused(): void {
    this.#token = null;
  }

  #readToken(): string | null {
    const path = this.#access?.tokenFile ?? null;
    if (path === null) return null;
    const token = read("tokenFile", path).trim();
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw new Fault("CONFIG", `tokenFile: ${path} holds no token (one line, as sempre token create prints it)`, { path });
  }
}

function read(what: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (e) {
    throw new Fault("CONFIG", `${what}: ${(e as Error).message}`, { path }, { cause: e });
  }
}
