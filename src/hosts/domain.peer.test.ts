import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestHost, type TestHost } from "../../test/harness/libvirt.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { CardSpec, VnicSpec } from "./domain-devices.ts";
import { type DomainSpec, domainXml } from "./domain-xml.ts";
import { connectLibvirt, type LibvirtSession } from "./libvirt.ts";

/*
 * What libvirt itself makes of our domain XML: it checks it by its own schema, and shows what it has understood. Huge pages and cards
 * that this machine may not have are needed only when a server starts.
 */
let peer: TestHost;
let libvirt: LibvirtSession;
let bare: DomainSpec;

beforeAll(async () => {
  peer = await startTestHost();
  libvirt = await connectLibvirt({ socketPath: peer.libvirt.socketPath, clock, log });
  bare = await peer.spec("pinned");
});
afterAll(async () => {
  libvirt?.close();
  await peer?.[Symbol.asyncDispose]();
});

/** What libvirt keeps of it. Throws HOST_REFUSED where it is not valid. */
async function understood(spec: DomainSpec): Promise<string> {
  await libvirt.define(domainXml(spec, 1), { validate: true });
  return (await libvirt.xml(spec.uuid))!;
}

test("huge pages, pins and the node", async () => {
  const pins = [
    { vcpu: 0, thread: 1 },
    { vcpu: 1, thread: 0 },
  ];
  const xml = await understood({ ...bare, memoryMiB: 1_024, vcpus: 2, numa: { node: 0, hasHugepages: true, pins } });
  expect(xml).toMatch(/<memoryBacking>\s*<hugepages\/>\s*<\/memoryBacking>/);
  expect(xml).toMatch(/<vcpu placement='static'>2<\/vcpu>/);
  expect(xml).toMatch(/<vcpupin vcpu='0' cpuset='1'\/>\s*<vcpupin vcpu='1' cpuset='0'\/>/);
  expect(xml).toMatch(/<memory mode='strict' nodeset='0'\/>/);
});

test("an emulated CPU has random numbers", async () => {
  const xml = await understood({ ...bare, accel: "tcg", vcpus: 2, threadsPerCore: 2 });
  expect(xml).toMatch(/<model fallback='allow'>qemu64<\/model>/);
  expect(xml).toContain("<feature policy='require' name='rdrand'/>");
  expect(xml).toMatch(/<topology sockets='1' dies='1' cores='1' threads='2'\/>/);
});

test("threads for CPUs that are not pinned", async () => {
  expect(await understood({ ...bare, vcpus: 2, cpuset: "0,1" })).toContain("<vcpu placement='static' cpuset='0-1'>2</vcpu>");
});

describe("network interfaces", () => {
  const mac = "02:00:00:00:00:07";
  const withNic = async (nic: VnicSpec | CardSpec) => (await understood({ ...bare, vnics: [nic] })).replaceAll(/\s*\n\s*/g, "");
  const at = "<address type='pci' domain='0x0000' bus='0x00' slot='0x10' function='0x0'/>";

  test("a whole card", async () => {
    expect(await withNic({ pf: "0000:04:00.0", vpci: "0000:00:10.0" })).toContain(
      `<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></source>${at}</hostdev>`,
    );
  });

  test("a virtual function with the VLAN of its net, and one without", async () => {
    const source = "<source><address type='pci' domain='0x0000' bus='0x04' slot='0x10' function='0x1'/></source>";
    const start = `<interface type='hostdev' managed='yes'><mac address='${mac}'/>${source}`;
    const vf = { vf: "0000:04:10.1", mac, vpci: "0000:00:10.0" };
    expect(await withNic({ ...vf, vlan: 3_001 })).toContain(`${start}<vlan><tag id='3001'/></vlan>${at}</interface>`);
    expect(await withNic({ ...vf, vlan: null })).toContain(`${start}${at}</interface>`);
  });

  test("another model than virtio, where the guest is to see it", async () => {
    expect(await withNic({ mac, device: "em1" })).toContain(
      "<interface type='direct'><mac address='02:00:00:00:00:07'/><source dev='em1' mode='bridge'/>",
    );
    expect(await withNic({ mac, bridge: "br", model: "e1000", vpci: "0000:00:10.0" })).toContain(
      `<source bridge='br'/><model type='e1000'/>${at}</interface>`,
    );
  });

  test("what is no PCI address is refused", () => {
    for (const pf of ["04:00.0", "0000:04:00.9", "x"])
      expect(() => domainXml({ ...bare, vnics: [{ pf }] })).toThrow(expect.objectContaining({ code: "INVALID" }));
  });
});

test("what the schema does not allow is found", async () => {
  const wrong = domainXml(bare).replace("<devices>", "<nonesuch/><devices>");
  await expect(libvirt.define(wrong, { validate: true })).rejects.toMatchObject({
    code: "HOST_REFUSED",
    message: expect.stringMatching(/valid/),
  });
});
