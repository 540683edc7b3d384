import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Authority, type Identity } from "../../test/harness/certificates.ts";
import { freePort } from "../../test/harness/free-port.ts";
import { startTlsLibvirt } from "../../test/harness/libvirt.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { ServerId } from "../model/ids.ts";
import type { DomainSpec } from "./domain-xml.ts";
import { type HostEvent, openHost } from "./host.ts";
import { connectLibvirt } from "./libvirt.ts";
import type { LibvirtTls } from "./libvirt-stream.ts";
import { findQemu } from "./qemu-process.ts";

/* A real libvirtd that listens for TLS, with certificates of a real authority. Nothing here is a stand-in but the network that loses its way. */

let authority: Authority;
let us: Identity;
let libvirt: Awaited<ReturnType<typeof startTlsLibvirt>>["libvirt"];
let port: number;

beforeAll(async () => {
  authority = new Authority();
  us = authority.issue("the-vim");
  const peer = await startTlsLibvirt(authority, authority.issue("node1"));
  libvirt = peer.libvirt;
  port = peer.tls.port;
});
afterAll(async () => {
  await libvirt?.[Symbol.asyncDispose]();
  authority?.[Symbol.dispose]();
});

const files = (identity = us, ca = authority) => ({
  caFile: ca.certPath,
  certFile: identity.certPath,
  keyFile: identity.keyPath,
});
const at = (more: Partial<LibvirtTls> = {}) => ({ tls: { host: "127.0.0.1", port, files: files(), ...more } });
const connected = async (more: Partial<LibvirtTls> = {}) => {
  await using session = await connectLibvirt({ ...at(more), clock, log });
  return await session.version();
};
const until = async (what: string, met: () => boolean, maxMs = 60_000) => {
  for (const start = clock.now(); !met(); await delay(5)) if (clock.now() - start > maxMs) throw new Error(`never: ${what}`);
};

const spec = (name: string, n: number): DomainSpec => ({
  uuid: `00000000-0000-4000-8000-0000000000${n.toString(16).padStart(2, "0")}`,
  ...{ name, memoryMiB: 16, vcpus: 1, vnics: [], accel: "tcg" },
});

test("by name and by address, under its certificate and ours", async () => {
  expect(await connected()).toBeGreaterThan(1_000_000);
  expect(await connected({ host: "localhost" })).toBeGreaterThan(1_000_000);
});

describe("what is wrong is said", () => {
  //  what is wrong                       → how we come, and what is said
  test("an authority that we do not know", async () => {
    using other = new Authority();
    await expect(connected({ files: files(us, other) })).rejects.toMatchObject({
      code: "HOST_UNREACHABLE",
      message: expect.stringContaining(`of an authority that ${other.certPath} does not have`),
    });
  });

  test("a certificate of ours that libvirtd does not know", async () => {
    using other = new Authority();
    await expect(connected({ files: files(other.issue("stranger")) })).rejects.toMatchObject({
      code: "HOST_UNREACHABLE",
      message: expect.stringContaining("it does not take our certificate"),
    });
  });

  test("a certificate of ours that has expired, or is none, or is not there", async () => {
    const old = authority.issue("old", { days: -1 });
    await expect(connected({ files: files(old) })).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining(`${old.certPath}: our certificate for libvirt expired at`),
    });
    const none = authority.write("none.pem", "no certificate");
    await expect(connected({ files: { ...files(), certFile: none } })).rejects.toThrow(`${none} is no certificate in PEM`);
    await expect(connected({ files: { ...files(), keyFile: "/nowhere/key" } })).rejects.toThrow("ENOENT");
    const other = authority.issue("other");
    await expect(connected({ files: { ...files(), keyFile: other.keyPath } })).rejects.toThrow("are no certificate and its key");
  });

  for (const [what, how, says] of [
    ["has expired", { days: -1 }, "its certificate has expired"],
    ["is for another name", { names: "DNS:node2.example" }, "its certificate is not for 127.0.0.1"],
  ] as const)
    test(`a certificate of its that ${what}`, async () => {
      const { libvirt: wrong, tls } = await startTlsLibvirt(authority, authority.issue("wrong", how));
      await using _ending = wrong;
      await expect(connected({ port: tls.port })).rejects.toMatchObject({
        code: "HOST_UNREACHABLE",
        message: expect.stringContaining(says),
      });
    });

  test("nothing listens there; no such name; something that speaks no TLS, or nothing at all", async () => {
    await expect(connected({ port: await freePort() })).rejects.toThrow("nothing listens there (ECONNREFUSED)");
    await expect(connected({ host: "no-such-host.invalid" })).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
    for (const says of ["HTTP/1.1 400 Bad Request\r\n\r\n", null]) {
      const server = createServer((socket) => (says === null ? socket.end() : socket.write(says))).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      await expect(connected({ port })).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
      server.close();
    }
  });
});

/** A way to libvirtd that can lose everything from one moment on, both ends left in the belief that it is open. */
async function startWay() {
  const sockets = new Set<Socket>();
  let isLost = false;
  const server = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => void (isLost || to.write(bytes)));
      from.on("error", () => {});
      from.on("close", () => to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    lose(is: boolean) {
      isLost = is;
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function listen(heard: HostEvent[]) {
  const evidence = () => heard.flatMap((e) => (e.type === "evidence" ? [e.evidence] : []));
  const says = (what: string, id: string, after: number) =>
    until(`${what} of ${id}`, () => evidence().some((e) => e.about.id === id && e.says === what && e.seenAt >= after));
  const is = (status: string, count: number) =>
    until(`${count} × ${status}`, () => heard.filter((e) => e.type === "host" && e.status === status).length >= count);
  return { evidence, says, is };
}

describe("a host that is another machine", () => {
  const open = async (more: Partial<LibvirtTls> = {}) => {
    const host = await openHost({ ...at(more), clock, log, processExit: null, patience: { everyMs: 500, asks: 3 } });
    const heard: HostEvent[] = [];
    host.on((e) => heard.push(e));
    return { host, heard, ...listen(heard) };
  };

  test("a server's life is told by libvirt alone; libvirtd killed ends none, and what ended meanwhile is found after", async () => {
    const { host, evidence, says, is } = await open();
    await using _closing = host;
    const [one, two] = [spec("one", 1), spec("two", 2)];
    const [oneId, twoId] = [one.uuid as ServerId, two.uuid as ServerId];
    for (const s of [one, two]) await host.ensureRunning(s);
    const pid = (await findQemu(one.uuid))!.pid;
    const killedAt = clock.now();
    process.kill(pid, "SIGKILL");
    await says("stopped", oneId, killedAt);
    const told = evidence().find((e) => e.about.id === oneId && e.says === "stopped")!;
    expect(told).toMatchObject({ source: "libvirt", detail: "stopped (failed)" });
    if (process.env.SEMPRE_MEASURE) console.log(`libvirt told of a killed QEMU after ${told.seenAt - killedAt} ms`);

    libvirt.killLibvirtd();
    await is("unreachable", 1);
    expect(await findQemu(two.uuid)).not.toBeNull();
    const startedAt = clock.now();
    await libvirt.startLibvirtd();
    await is("up", 2);
    await says("running", twoId, startedAt);
    libvirt.killLibvirtd();
    await is("unreachable", 2);
    process.kill((await findQemu(two.uuid))!.pid, "SIGKILL");
    const endedAt = clock.now();
    await libvirt.startLibvirtd();
    await says("stopped", twoId, endedAt); // At the latest when all is read a second time.
    expect(evidence().every((e) => e.source === "libvirt")).toBe(true);
    for (const id of [oneId, twoId]) await host.ensureGone(id);
  });

  test("a connection that is half open is noticed by keepalive, and the host is back when the way is", async () => {
    using way = await startWay();
    const { host, heard, is } = await open({ port: way.port });
    await using _closing = host;
    await is("up", 1);
    way.lose(true);
    const asked = host.capacity();
    await expect(asked).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
    await is("unreachable", 1);
    const [lost] = heard.filter((e) => e.type === "host" && e.status === "unreachable");
    expect(lost).toMatchObject({ why: expect.stringContaining("keepalives in a row were not answered") });
    way.lose(false);
    await is("up", 2);
    expect((await host.capacity()).cpus).toBeGreaterThan(0);
  });
});
