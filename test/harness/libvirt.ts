import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DomainSpec } from "../../src/hosts/domain-xml.ts";
import { deleteTap, ensureTap } from "../../src/hosts/taps.ts";
import { type ListenTls, type PrivateLibvirt, startPrivateLibvirt } from "../../src/lab/private-libvirt.ts";
import type { Authority, Identity } from "./certificates.ts";
import { freePort } from "./free-port.ts";

const run = promisify(execFile);

/** A private libvirtd in a network namespace of its own. */
export interface TestHost extends AsyncDisposable {
  readonly libvirt: PrivateLibvirt;
  readonly netns: string;
  /** A server that boots nothing: 16 MiB, no disk, one vNIC on a persistent tap that exists. */
  spec(name: string): Promise<DomainSpec>;
}

/**
 * Ready in about half a second; nothing is left behind when it is disposed. Given the namespace of a switch, the servers'
 * taps are where that switch finds them; else it makes one of its own.
 */
export async function startTestHost(given?: { readonly netns: string }): Promise<TestHost> {
  const netns = given?.netns ?? `st-${randomUUID().slice(0, 8)}`;
  if (!given) await run("ip", ["netns", "add", netns]);
  const libvirt = await startPrivateLibvirt({ netns });
  const taps: string[] = [];
  return {
    libvirt,
    netns,
    async spec(name) {
      const tap = `tap${taps.length}`;
      taps.push(tap);
      await ensureTap(tap, { netns });
      return bareSpec(libvirt.dir, name, tap, taps.length);
    },
    async [Symbol.asyncDispose]() {
      await libvirt[Symbol.asyncDispose]();
      for (const tap of taps) await deleteTap(tap, { netns });
      if (!given) await run("ip", ["netns", "delete", netns]);
    },
  };
}

/** A libvirtd that listens for TLS on this machine's loopback, where nobody else can be asked to come in. */
export async function startTlsLibvirt(
  authority: Authority,
  server: Identity,
): Promise<{ libvirt: PrivateLibvirt; tls: ListenTls }> {
  const files = { caFile: authority.certPath, certFile: server.certPath, keyFile: server.keyPath };
  const tls = { address: "127.0.0.1", port: await freePort(), ...files };
  return { libvirt: await startPrivateLibvirt({ tls }), tls };
}

function bareSpec(dir: string, name: string, tap: string, n: number): DomainSpec {
  return {
    uuid: randomUUID(),
    name,
    memoryMiB: 16,
    vcpus: 1,
    vnics: [{ mac: `02:00:00:00:00:${n.toString(16).padStart(2, "0")}`, tap }],
    qmpSocket: join(dir, `${name}.qmp`),
    accel: "tcg",
    consoleLog: join(dir, "log", `${name}.console`),
  };
}
