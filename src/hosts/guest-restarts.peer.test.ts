import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../../test/harness/certificates.ts";
import { startTlsLibvirt } from "../../test/harness/libvirt.ts";
import { restartingDisk } from "../../test/harness/restarting-guest.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { Evidence } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import type { DomainSpec } from "./domain-xml.ts";
import { openHost } from "./host.ts";
import type { LibvirtAt } from "./libvirt-stream.ts";
import { findQemu } from "./qemu-process.ts";

/* A guest that restarts itself, on a real libvirtd that is seen from its own machine and from another one. */
let authority: Authority;
let peer: Awaited<ReturnType<typeof startTlsLibvirt>>;

beforeAll(async () => {
  authority = new Authority();
  peer = await startTlsLibvirt(authority, authority.issue("node1"));
});
afterAll(async () => {
  await peer?.libvirt[Symbol.asyncDispose]();
  authority?.[Symbol.dispose]();
});

const here = () => ({ socketPath: peer.libvirt.socketPath });
const fromElsewhere = () => {
  const { certPath: certFile, keyPath: keyFile } = authority.issue("the-vim");
  return { tls: { host: "127.0.0.1", port: peer.tls.port, files: { caFile: authority.certPath, certFile, keyFile } } };
};

function guest(name: string, n: number, more: Partial<DomainSpec>): DomainSpec & { readonly id: ServerId } {
  const { dir } = peer.libvirt;
  const path = join(dir, `${name}.img`);
  writeFileSync(path, restartingDisk());
  const uuid = `00000000-0000-4000-8000-00000000002${n}`;
  return {
    ...{ id: uuid as ServerId, uuid, name, memoryMiB: 32, vcpus: 1, vnics: [], accel: "tcg" },
    disks: [{ path, format: "raw", bus: "virtio", device: "disk" }],
    qmpSocket: join(dir, `${name}.qmp`),
    consoleLog: join(dir, "log", `${name}.console`),
    ...more,
  };
}

async function watched(at: LibvirtAt) {
  const host = await openHost({ ...at, clock, log, processExit: null });
  const told: Evidence[] = [];
  host.on((e) => e.type === "evidence" && told.push(e.evidence));
  return { host, told };
}

const until = async (what: string, met: () => boolean | Promise<boolean>, maxMs = 60_000) => {
  for (const start = clock.now(); !(await met()); await delay(5))
    if (clock.now() - start > maxMs) throw new Error(`never: ${what}`);
};
const said = ({ consoleLog }: DomainSpec) => (existsSync(consoleLog!) ? readFileSync(consoleLog!, "latin1") : "");

test.each([
  ["its own machine", here, "qmp", /^RESET/],
  ["another one", fromElsewhere, "libvirt", /^rebooted$/],
] as const)(
  "it goes on in the same QEMU, and that what it served has ended is told: seen from %s",
  async (_, at, source, detail) => {
    const { host, told } = await watched(at());
    await using _closing = host;
    const spec = guest(source, source === "qmp" ? 1 : 2, { restartsItself: true });
    await host.ensureRunning(spec, { paused: true });
    const { pid } = (await findQemu(spec.uuid))!;
    const restarts = () => told.filter((e) => e.source === source && detail.test(e.detail ?? ""));
    await until("its monitor is joined", () => source === "libvirt" || told.some((e) => e.source === "qmp"));
    await host.resume(spec.id);
    await until("it has come back", () => said(spec) === "AB" && restarts().length >= 2);
    // SeaBIOS begins with a reset of its own where it finds itself in RAM: each is told.
    expect(restarts().map((e) => e.says)).toEqual(restarts().map((_, i) => (i % 2 === 0 ? "stopped" : "running")));
    expect([await host.stateOf(spec.id), (await findQemu(spec.uuid))?.pid]).toEqual(["running", pid]);
    await host.ensureGone(spec.id);
  },
);

test("where it is not let, it ends", async () => {
  const { host, told } = await watched(here());
  await using _closing = host;
  const spec = guest("ends", 3, {});
  await host.ensureRunning(spec);
  await until("it has ended", () => told.some((e) => e.says === "stopped"));
  await until("libvirt knows", async () => (await host.stateOf(spec.id)) === "shutoff");
  expect(said(spec)).toBe("A");
  await host.ensureGone(spec.id);
});
