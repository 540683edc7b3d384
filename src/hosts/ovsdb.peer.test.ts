import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestHost } from "../../test/harness/libvirt.ts";
import { type Ovs, startOvs } from "../../test/harness/ovs.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { ServerId } from "../model/ids.ts";
import { openHost } from "./host.ts";
import { connectOvsdb, type OvsdbEvent } from "./ovsdb.ts";
import { findQemu } from "./qemu-process.ts";

let ovs: Ovs;
let address: string;
const addressOf = (of: Ovs): string => `unix:${dirname(of.management.replace("unix:", ""))}/db.sock`;

beforeAll(async () => {
  ovs = await startOvs({ datapathType: "dummy", ports: ["p1", "p2"], protocols: ["OpenFlow13"] });
  address = addressOf(ovs);
});
afterAll(async () => {
  await ovs?.[Symbol.asyncDispose]();
});

async function until(met: () => boolean): Promise<void> {
  for (const start = clock.now(); !met(); await delay(5)) if (clock.now() - start > 60_000) throw new Error("never");
}

test("ports are added, found and removed; every verb twice", async () => {
  await using ovsdb = await connectOvsdb({ address, clock, log });
  for (let twice = 0; twice < 2; twice++)
    expect(await ovsdb.ensurePort("br0", "vm1", { ofportRequest: 77, type: "dummy" })).toBe(77);
  expect(await ovsdb.ports("br0")).toContainEqual({ name: "vm1", ofport: 77, linkUp: true });
  expect((await ovs.vsctl("list-ports", "br0")).trim().split("\n")).toEqual(["p1", "p2", "vm1"]);
  for (let twice = 0; twice < 2; twice++) await ovsdb.removePort("br0", "vm1");
  expect((await ovs.vsctl("list-ports", "br0")).trim().split("\n")).toEqual(["p1", "p2"]);
});

test("several at once are one transaction: all of them, beside what is there already, or none", async () => {
  await using ovsdb = await connectOvsdb({ address, clock, log });
  const listed = async () => (await ovs.vsctl("list-ports", "br0")).trim().split("\n");
  await ovsdb.addPorts("br0", ["vm1", "vm2"], { type: "dummy" });
  const [one, two] = await Promise.all([ovsdb.opened("vm1"), ovsdb.opened("vm2")]);
  expect(new Set([one, two]).size).toBe(2);
  await ovsdb.addPorts("br0", ["vm2", "vm3"], { type: "dummy" });
  expect(await ovsdb.opened("vm2")).toBe(two);
  await using later = await connectOvsdb({ address, clock, log });
  await ovs.vsctl("add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=dummy");
  for (const of of [ovsdb, later])
    await expect(of.addPorts("br1", ["vm4", "vm3"], { type: "dummy" })).rejects.toMatchObject({
      message: expect.stringContaining("port vm3 is on another bridge"),
    });
  // Neither has heard of it when both ask for it.
  await Promise.all([ovsdb, later].map((of) => of.addPorts("br0", ["vm5"], { type: "dummy" })));
  expect(await listed()).toEqual(["p1", "p2", "vm1", "vm2", "vm3", "vm5"]);
  expect((await ovs.vsctl("list-ports", "br1")).trim()).toBe("");
  await ovs.vsctl("del-br", "br1");
  for (const name of ["vm1", "vm2", "vm3", "vm5"]) await ovsdb.removePort("br0", name);
  expect(await listed()).toEqual(["p1", "p2"]);
});

test("what the database or the switch refuses is told with its words", async () => {
  await using ovsdb = await connectOvsdb({ address, clock, log });
  await expect(ovsdb.ensurePort("br9", "x")).rejects.toMatchObject({
    code: "OVSDB_REFUSED",
    message: expect.stringContaining("no bridge br9"),
  });
  await expect(ovsdb.ports("br9")).rejects.toMatchObject({ code: "OVSDB_REFUSED" });
  await expect(ovsdb.ensurePort("br0", "x", { ofportRequest: 99_999 })).rejects.toMatchObject({ code: "OVSDB_REFUSED" });
  await expect(ovsdb.ensurePort("br0", "nodevice")).rejects.toMatchObject({
    code: "OVSDB_REFUSED",
    message: expect.stringContaining("nodevice"),
  });
  await ovsdb.removePort("br0", "nodevice");
});

test("a change of a link is pushed; a lost connection is found, and comes back", async () => {
  await using ovsdb = await connectOvsdb({ address, clock, log });
  const heard: OvsdbEvent[] = [];
  ovsdb.on((e) => heard.push(e));
  await ovs.appctl("netdev-dummy/set-admin-state", "p1", "down");
  await until(() => heard.some((e) => e.type === "link" && e.port === "p1" && !e.linkUp));
  // ovsdb-server keeps its connections for ever, so a remote is taken away and given back.
  const server = address.replace("unix:", "").replace("db.sock", "ovsdb.ctl");
  await ovs.inside("ovs-appctl", "-t", server, "ovsdb-server/reconnect");
  await until(() => heard.some((e) => e.type === "closed") && ovsdb.connected);
  await ovs.appctl("netdev-dummy/set-admin-state", "p1", "up");
  await until(() => heard.some((e) => e.type === "link" && e.port === "p1" && e.linkUp));
});

test("a server that is not there rejects verbs until it is", async () => {
  await using ovsdb = await connectOvsdb({ address: "unix:/nowhere/db.sock", clock, log });
  expect(ovsdb.connected).toBe(false);
  await expect(ovsdb.ensurePort("br0", "x")).rejects.toMatchObject({ code: "HOST_UNREACHABLE" });
  await expect(connectOvsdb({ address: "nonsense", clock, log })).rejects.toMatchObject({ code: "CONFIG" });
});

test("the port on a server's tap keeps its number; its link is there while QEMU is", async () => {
  await using netdev = await startOvs({ datapathType: "netdev", ports: ["p1"], protocols: ["OpenFlow13"] });
  await using peer = await startTestHost({ netns: netdev.netns! });
  await using ovsdb = await connectOvsdb({ address: addressOf(netdev), clock, log });
  await using host = await openHost({ socketPath: peer.libvirt.socketPath, clock, log, processExit: null });
  const links: boolean[] = [];
  const spec = await peer.spec("linked");
  ovsdb.on((e) => e.type === "link" && e.port === "tap0" && links.push(e.linkUp));
  expect(await ovsdb.ensurePort("br0", "tap0", { ofportRequest: 40 })).toBe(40);
  expect(await ovsdb.ports("br0")).toContainEqual({ name: "tap0", ofport: 40, linkUp: false });
  for (let twice = 0; twice < 2; twice++) {
    await host.ensureRunning(spec);
    await until(() => links.at(-1) === true);
    process.kill((await findQemu(spec.uuid))!.pid, "SIGKILL");
    await until(() => links.at(-1) === false);
    await host.destroy(spec.uuid as ServerId);
  }
  expect(await ovsdb.ports("br0")).toContainEqual({ name: "tap0", ofport: 40, linkUp: false });
  expect(links.slice(-4)).toEqual([true, false, true, false]);
});
