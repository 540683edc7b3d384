import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { HostBridges } from "../../src/hosts/host-bridges.ts";
import { SenderTable, whyNoSenderTables } from "../../src/hosts/sender-table.ts";
import { ipv6Bytes } from "../../src/lib/ipv6.ts";
import type { HeldTap } from "../../src/model/held-tap.ts";
import { advertisedBy, barredFrom, type Sender, sentBy } from "../../src/steer/port-security.ts";
import { type Address, arpProbe, arpReply } from "../../src/wire/arp.ts";
import { icmpEcho, udpDatagram } from "../../src/wire/ip-probe.ts";
import { ip, namespaces } from "../harness/far-end.ts";
import { FrameTap } from "../harness/frame-tap.ts";
import { until } from "./rig.ts";

/** A guest and a viewer on a Linux bridge of a namespace, and the kernel's rules between them. The switch's, for the same: port-security.test.ts. */
const HOST = `st-${process.pid}`;
const GUEST: Address = { mac: "02:00:00:00:00:64", ip: "10.0.0.64" };
const OTHER: Address = { mac: "02:00:00:00:00:99", ip: "10.0.0.99" };
const VIEWER: Address = { mac: "02:00:00:00:00:0a", ip: "10.0.0.10" };
const EVERYBODY: Address = { mac: "ff:ff:ff:ff:ff:ff", ip: "255.255.255.255" };
const NOBODY = "0.0.0.0";
const MARK = 0x88b5;
const undo = new AsyncDisposableStack();
const run = promisify(execFile);
const taps: Record<string, FrameTap> = {};
let table: SenderTable;
let marks = 0;

beforeAll(async () => {
  await namespaces([HOST], undo);
  await new HostBridges("a VIM").ensure("br", HOST);
  for (const name of ["guest", "next", "viewer", "marker"]) {
    taps[name] = undo.use(FrameTap.open(HOST, name));
    await ip("-n", HOST, "link", "set", "dev", name, "master", "br", "up");
  }
  table = new SenderTable("a host", HOST);
  await until("the bridge forwards", async () => (await passing("guest", ipv4(OTHER)))[0]);
});
afterAll(() => undo.disposeAsync());

const held = (senders: readonly Sender[], tap = "guest"): HeldTap => ({
  tap,
  advertised: advertisedBy(senders),
  barred: barredFrom(senders),
  allowed: sentBy(senders, true),
});
const own = (...ips: string[]): Sender[] => ips.map((address) => ({ mac: GUEST.mac, ip: address }));

/** Which of these leave by the viewer's tap: those that do have when one sent after them by another tap has. */
async function passing(from: string, ...frames: Uint8Array[]): Promise<boolean[]> {
  const mark = Buffer.from(`ffffffffffff0200000000ff${MARK.toString(16)}${(++marks).toString(16).padStart(92, "0")}`, "hex");
  for (const frame of frames) taps[from]!.send(frame);
  taps.marker!.send(mark);
  const came: string[] = [];
  const end = mark.toString("hex");
  await until("the mark", () => came.push(...taps.viewer!.read()) >= 0 && came.includes(end));
  const bare = came.map(unpadded);
  return frames.map((frame) => bare.includes(unpadded(Buffer.from(frame).toString("hex"))));
}

/** A bridge that has its packets filtered cuts off what fills up a frame. */
const unpadded = (frame: string): string => frame.replace(/(00)+$/, "");

const to = (from: Address) => ({ from, to: { ...VIEWER, mac: EVERYBODY.mac } });
const ipv4 = (from: Address) => icmpEcho(to(from), 1, 1);
const arp = (from: Address) => arpReply(from, { ...VIEWER, mac: EVERYBODY.mac });
const dhcp = (fromPort: number, toPort: number) =>
  udpDatagram({ from: { mac: GUEST.mac, ip: NOBODY }, to: EVERYBODY }, fromPort, toPort, new Uint8Array(40));

/** ICMPv6 of the guest to everybody: of this type, about this address; without one a ping. */
function ipv6(from: string, [type, target]: [number, string] = [128, "::1"]): Uint8Array {
  const body = Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), ipv6Bytes(target)]);
  const head = Buffer.from([0x60, 0, 0, 0, 0, body.length, 58, 255]);
  const ether = Buffer.from(`333300000001${GUEST.mac.replaceAll(":", "")}86dd`, "hex");
  return Buffer.concat([ether, head, ipv6Bytes(from), ipv6Bytes("ff02::1"), body]);
}

/** The same frame with a tag of IEEE 802.1Q. */
const tagged = (frame: Uint8Array): Uint8Array =>
  Buffer.concat([frame.subarray(0, 12), Buffer.from("81000007", "hex"), frame.subarray(12)]);

test("this kernel can, and who is not held sends as anybody", async () => {
  expect(await whyNoSenderTables()).toBeNull();
  await table.hold([]);
  const sent = [ipv4(OTHER), ipv4({ ...GUEST, ip: OTHER.ip }), arp({ ...GUEST, ip: OTHER.ip }), dhcp(68, 67)];
  expect(await passing("guest", ...sent)).toEqual(sent.map(() => true));
});

test("of who is held only what its own addresses send passes, and a DHCP client", async () => {
  await table.hold([held(own(GUEST.ip, "10.7.0.0/16"))]);
  const honest = [
    ...[ipv4(GUEST), arp(GUEST), dhcp(68, 67), ipv4({ ...GUEST, ip: "10.7.8.9" }), arp({ ...GUEST, ip: "10.7.8.9" })],
    ...[arpProbe(GUEST.mac, VIEWER.ip), arpProbe(GUEST.mac, VIEWER.ip, GUEST.ip)],
  ];
  expect(await passing("guest", ...honest)).toEqual(honest.map(() => true));
  const lie = arp(GUEST);
  lie[27]! ^= 1; // The MAC address in the ARP packet is another than the frame's.
  const spoofed = [
    ...[ipv4({ ...GUEST, mac: OTHER.mac }), ipv4({ ...GUEST, ip: OTHER.ip }), arp({ ...GUEST, ip: OTHER.ip }), arp(OTHER)],
    ...[arpProbe(GUEST.mac, VIEWER.ip, OTHER.ip), dhcp(67, 68), lie, ipv6("fd00::64"), tagged(ipv4(GUEST))],
    Buffer.from(`ffffffffffff${GUEST.mac.replaceAll(":", "")}88b5${"00".repeat(46)}`, "hex"),
  ];
  expect(await passing("guest", ...spoofed)).toEqual(spoofed.map(() => false));
  expect(await passing("next", ipv4(OTHER), tagged(ipv4(OTHER)))).toEqual([true, true]); // Others are not.
});

test("of IPv6 too, and it speaks of no other's; without an address the MAC address is held to alone", async () => {
  await table.hold([held(own("fd00::64", "fd07::/64"))]);
  const [mine, link, others] = ["fd00::64", "fe80::ff:fe00:64", "fd00::99"];
  const honest = [
    ...[ipv6(mine), ipv6(link), ipv6("fd07::5"), ipv6(mine, [136, mine]), ipv6(link, [136, link]), ipv6(mine, [136, "fd07::5"])],
    ...[ipv6("::", [135, mine]), ipv6("::", [143, "::"])],
  ];
  expect(await passing("guest", ...honest)).toEqual(honest.map(() => true));
  const spoofed = [
    ...[
      ipv6(others),
      ipv6(mine, [136, others]),
      ipv6(link, [136, others]),
      ipv6("::", [135, others]),
      ipv6(mine, [136, "fd08::5"]),
    ],
    ...[ipv6(link, [134, "::"]), ipv6(link, [137, mine]), ipv6("::"), ipv4(GUEST)],
  ];
  expect(await passing("guest", ...spoofed)).toEqual(spoofed.map(() => false));
  await table.hold([held([{ mac: GUEST.mac, ip: null }])]);
  expect(await passing("guest", ipv4({ ...GUEST, ip: OTHER.ip }), ipv6(others), ipv4(OTHER))).toEqual([true, true, false]);
});

test("nobody is looked for where a packet that was dropped said he is, nor where one for the bridge itself did", async () => {
  await table.hold([held(own(GUEST.ip))]);
  const fdb = async () => (await run("bridge", ["-n", HOST, "fdb", "show", "br", "br"])).stdout;
  const thief = "02:00:00:00:00:77";
  const toTheBridge = (mac: string) => Buffer.from(`0180c2000000${mac.replaceAll(":", "")}0026424203${"00".repeat(43)}`, "hex");
  const lldp = (mac: string) => Buffer.from(`0180c200000e${mac.replaceAll(":", "")}88cc${"00".repeat(46)}`, "hex");
  await passing("guest", ipv4({ ...GUEST, mac: thief }), toTheBridge(thief), lldp(thief));
  expect(await fdb()).not.toContain(thief);
  await table.hold([]);
  await passing("guest", ipv4({ ...GUEST, mac: thief }));
  expect(await fdb()).toContain(thief); // So the rules were what kept it out.
});

test("a bridge of ours from before learns nothing by those either; one that somebody else made is taken as it is", async () => {
  const learns = async (name: string) =>
    JSON.parse((await run("ip", ["-n", HOST, "-j", "-d", "link", "show", "dev", name])).stdout)[0].linkinfo.info_data
      .no_linklocal_learn;
  const bridges = new HostBridges("a VIM");
  await bridges.ensure("old", HOST);
  await ip("-n", HOST, "link", "set", "dev", "old", "type", "bridge", "no_linklocal_learn", "0");
  await ip("-n", HOST, "link", "add", "name", "theirs", "type", "bridge");
  const before = await learns("old");
  for (const name of ["old", "theirs"]) await bridges.ensure(name, HOST);
  expect(await learns("old")).not.toEqual(before);
  expect(await learns("theirs")).toEqual(before);
});

test("what somebody else took away is put back; two hosts' tables stand beside each other; one that has nothing is gone", async () => {
  const nft = async (...args: string[]) => (await run("ip", ["netns", "exec", HOST, "nft", ...args])).stdout;
  const beside = new SenderTable("another host", HOST);
  await beside.hold([{ tap: "next", advertised: [], barred: [], allowed: [] }]);
  await table.hold([held(own(GUEST.ip))]);
  const spoofs = () => passing("guest", ipv4({ ...GUEST, ip: OTHER.ip }));
  expect(await spoofs()).toEqual([false]);
  await nft("flush", "ruleset");
  expect(await spoofs()).toEqual([true]);
  await until("it is put back", async () => {
    await table.hold([held(own(GUEST.ip))]);
    return !(await spoofs())[0];
  });
  await beside.hold([{ tap: "next", advertised: [], barred: [], allowed: [] }]);
  await beside.hold([]);
  await table.hold([]);
  expect(await nft("list", "tables", "bridge")).toBe("");
});

test("what nft cannot read is told in its words, and changes nothing", async () => {
  await table.hold([held(own(GUEST.ip))]);
  await expect(table.hold([held([{ mac: "nonsense", ip: null }])])).rejects.toMatchObject({
    code: "MISSING_PART",
    message: expect.stringContaining("nonsense"),
  });
  expect(await passing("guest", ipv4(GUEST), ipv4({ ...GUEST, ip: OTHER.ip }))).toEqual([true, false]);
  await table.hold([]);
});
