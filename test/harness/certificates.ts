import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key: as texts, and as files. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certification authority of a test, by the openssl of this machine. */
export class Authority implements Disposable {
  readonly #dir = mkdtempSync(join(tmpdir(), "sempre-ca-"));
  readonly cert: string;
  readonly certPath: string;
  #made = 0;

  constructor() {
    const { cert, certPath } = this.#make("authority", ["-x509", "-addext", "basicConstraints=critical,CA:TRUE"]);
    this.cert = cert;
    this.certPath = certPath;
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true });
  }

  /** For 127.0.0.1 and localhost, as a server and as a client, unless told for whom; good for so many days from now, none for one that has expired. */
  issue(name: string, { names = "IP:127.0.0.1,DNS:localhost", days = 2 } = {}): Identity {
    const { certPath, keyPath } = this.#make(name, [
      "-addext",
      "basicConstraints=critical,CA:FALSE",
      "-addext",
      `subjectAltName=${names}`,
    ]);
    const ca = ["-CA", join(this.#dir, "authority-0.crt"), "-CAkey", join(this.#dir, "authority-0.key")];
    const how = ["x509", "-req", "-in", certPath, ...ca, "-copy_extensions", "copy", "-out", certPath, "-days", String(days)];
    execFileSync("openssl", how, { stdio: "ignore" });
    return read(certPath, keyPath);
  }

  /** A certificate that it signed itself, or with other words in `how` a request for one. */
  #make(name: string, how: readonly string[]): Identity {
    const base = join(this.#dir, `${name}-${this.#made++}`);
    const [certPath, keyPath] = [`${base}.crt`, `${base}.key`];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyPath];
    execFileSync("openssl", ["req", ...how, ...key, "-out", certPath, "-subj", `/CN=${name}`], { stdio: "ignore" });
    return read(certPath, keyPath);
  }

  /** Another file of this authority's folder. */
  write(name: string, text: string): string {
    const path = join(this.#dir, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}

const read = (certPath: string, keyPath: string): Identity => ({
  cert: readFileSync(certPath, "utf8"),
  key: readFileSync(keyPath, "utf8"),
  certPath,
  keyPath,
});
