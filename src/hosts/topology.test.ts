import { expect, test } from "vitest";
import { topologyOf } from "./topology.ts";

/** Two sockets of two cores with two threads each, as libvirt writes them; the second has pages of 1 GiB. */
const CAPABILITIES = `<capabilities><host><cpu><arch>x86_64</arch><pages unit='KiB' size='4'/></cpu><topology><cells num='2'>
  <cell id='0'><memory unit='KiB'>33554432</memory><pages unit='KiB' size='4'>7340032</pages><pages unit='KiB' size='2048'>2048</pages>
    <cpus num='4'><cpu id='0' socket_id='0' die_id='0' core_id='0' siblings='0,4'/><cpu id='1' socket_id='0' die_id='0' core_id='1' siblings='1,5'/>
      <cpu id='4' socket_id='0' die_id='0' core_id='0' siblings='0,4'/><cpu id='5' socket_id='0' die_id='0' core_id='1' siblings='1,5'/></cpus></cell>
  <cell id='1'><memory unit='KiB'>33554432</memory><pages unit='KiB' size='4'>1</pages><pages unit='KiB' size='2048'>512</pages><pages unit='KiB' size='1048576'>16</pages>
    <cpus num='4'><cpu id='2' socket_id='1' die_id='0' core_id='0' siblings='2,6'/><cpu id='3' socket_id='1' die_id='1' core_id='0' siblings='3,7'/>
      <cpu id='6' socket_id='1' die_id='0' core_id='0' siblings='2,6'/><cpu id='7' socket_id='1' die_id='1' core_id='0' siblings='3,7'/></cpus></cell>
  </cells></topology></host>
  <guest><os_type>hvm</os_type><arch name='i686'><domain type='qemu'/></arch></guest>
  <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest></capabilities>`;

/** A card with two virtual functions, one of which the host has a driver for; and what is no card. */
const DEVICES = [
  `<device><name>pci_0000_81_00_1</name><parent>pci_0000_80_02_0</parent><capability type='pci'><class>0x020000</class><domain>0</domain><bus>129</bus><slot>0</slot><function>1</function>
    <capability type='virt_functions' maxCount='63'><address domain='0x0000' bus='0x81' slot='0x10' function='0x1'/><address domain='0x0000' bus='0x81' slot='0x10' function='0x3'/></capability>
    <iommuGroup number='15'><address domain='0x0000' bus='0x81' slot='0x00' function='0x1'/></iommuGroup><numa node='1'/></capability></device>`,
  `<device><name>net_ens1f1_a0_36_9f_00_00_01</name><parent>pci_0000_81_00_1</parent><capability type='net'><interface>ens1f1</interface><address>a0:36:9f:00:00:01</address><link speed='10000' state='up'/></capability></device>`,
  `<device><name>pci_0000_81_10_1</name><parent>pci_0000_80_02_0</parent><capability type='pci'><domain>0</domain><bus>129</bus><slot>16</slot><function>1</function>
    <capability type='phys_function'><address domain='0x0000' bus='0x81' slot='0x00' function='0x1'/></capability><numa node='1'/></capability></device>`,
  `<device><name>net_ens1f1v0_02_00_00_00_00_09</name><parent>pci_0000_81_10_1</parent><capability type='net'><interface>ens1f1v0</interface><address>02:00:00:00:00:09</address><link state='down'/></capability></device>`,
  `<device><name>pci_0000_03_00_0</name><parent>computer</parent><capability type='pci'><domain>0</domain><bus>3</bus><slot>0</slot><function>0</function></capability></device>`,
  `<device><name>net_eth0_52_54_00_00_00_01</name><parent>pci_0000_03_00_0</parent><capability type='net'><interface>eth0</interface><address>52:54:00:00:00:01</address><link speed='4294967295' state='up'/></capability></device>`,
  `<device><name>net_lo_00_00_00_00_00_00</name><parent>computer</parent><capability type='net'><interface>lo</interface><address>00:00:00:00:00:00</address><link state='unknown'/></capability></device>`,
];

test("nodes, threads, huge pages and cards of a host", () => {
  const { numas, hasKvm } = topologyOf(CAPABILITIES, DEVICES, new Set([5, 1, 3, 7]));
  expect(hasKvm).toBe(true);
  expect(numas.map(({ numaSocket, memoryGiB, hugepagesGiB }) => [numaSocket, memoryGiB, hugepagesGiB])).toEqual([
    [0, 32, 4],
    [1, 32, 16], // The larger pages alone: a guest is given pages of one size.
  ]);
  expect(numas[0]!.cores).toEqual([
    { coreId: 0, threadId: 0, status: "noteligible" },
    { coreId: 1, threadId: 1, status: null },
    { coreId: 0, threadId: 4, status: "noteligible" },
    { coreId: 1, threadId: 5, status: null },
  ]);
  // Two dies number their cores alike: each core is named by its first thread.
  expect(numas[1]!.cores.map((c) => [c.threadId, c.coreId])).toEqual([
    [2, 2],
    [3, 3],
    [6, 2],
    [7, 3],
  ]);
  expect(numas.map((n) => n.interfaces.map((i) => i.sourceName))).toEqual([["eth0"], ["ens1f1"]]);
  expect(numas[1]!.interfaces).toEqual([
    {
      ...{ sourceName: "ens1f1", pci: "0000:81:00.1", mac: "a0:36:9f:00:00:01", mbps: 10_000 },
      ...{ switchPort: null, switchDpid: null, switchMac: null },
      sriovs: [
        { pci: "0000:81:10.1", mac: "02:00:00:00:00:09", sourceName: "0" },
        { pci: "0000:81:10.3", mac: "", sourceName: "1" },
      ],
    },
  ]);
  expect(numas[0]!.interfaces[0]).toMatchObject({ mbps: 0, sriovs: [] });
});

test("a host of which libvirt says nothing has nothing", () => {
  expect(topologyOf("<capabilities><host/></capabilities>", [], new Set())).toEqual({ numas: [], hasKvm: false });
});
