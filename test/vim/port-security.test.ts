import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { ipv6Bytes } from "../../src/lib/ipv6.ts";
import { silent } from "../../src/lib/log.ts";
import { PROBE_MAC } from "../../src/model/flow.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { listen, type SwitchListener } from "../../src/switch/listen.ts";
import { Vim } from "../../src/vim/vim.ts";
import { type Address, arpProbe, arpReply } from "../../src/wire/arp.ts";
import { icmpEcho, udpDatagram } from "../../src/wire/ip-probe.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { frameTo } from "./pump.ts";
import { until } from "./rig.ts";

/** A guest on a port of a real switch, and a viewer beside it, whose port writes down each packet that leaves it. */
const GUEST: Address = { mac: "02:00:00:00:00:64", ip: "10.0.0.64" };
const OTHER: Address = { mac: "02:00:00:00:00:99", ip: "10.0.0.99" };
const VIEWER: Address = { mac: "02:00:00:00:00:0a", ip: "10.0.0.10" };
const EVERYBODY: Address = { mac: "ff:ff:ff:ff:ff:ff", ip: "255.255.255.255" };
const NOBODY = "0.0.0.0";

describe.each(["OpenFlow13", "OpenFlow10"] as const)("port security, %s", (protocol) => {
  const undo = new AsyncDisposableStack();
  let ovs: Ovs;
  let vim: Vim;
  let switches: SwitchListener;
  let app: FastifyInstance;
  let guestPort: string;
  let netId: string;
  let marks = 0;
  const dir = mkdtempSync(join(tmpdir(), "sp-"));
  const pcap = join(dir, "va.pcap");
  const handedOver: string[] = [];

  const ask = async (method: "GET" | "POST" | "PUT", path: string, body?: object) => {
    const headers = { "content-type": "application/json" };
    const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers };
    const reply = await app.inject({ method, url: `/openvim${path}`, ...payload });
    return { status: reply.statusCode, body: reply.json() };
  };
  const secure = async (change: object) => {
    const reply = await ask("PUT", `/ports/${guestPort}`, { port: change });
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
    await vim.fabric.reconcile();
    return reply.body.port;
  };
  const external = async (name: string, mac: string | null) =>
    (await ask("POST", "/ports", { port: { name, network_id: netId, mac_address: mac, "binding:switch_port": name } })).body.port
      .id;

  /** Which of these frames, coming in by the guest's port, leave by the viewer's; those that do have when one sent after them has. */
  async function passing(...frames: Uint8Array[]): Promise<boolean[]> {
    const texts = frames.map((frame) => Buffer.from(frame).toString("hex"));
    const mark = Buffer.from(icmpEcho({ from: GUEST, to: VIEWER }, 77, ++marks)).toString("hex");
    const before = texts.map(left);
    await ovs.appctl("netdev-dummy/receive", "g", ...texts, mark);
    await until("what the guest may send arrives", () => left(mark) > 0);
    return texts.map((text, i) => left(text) > before[i]!);
  }
  const left = (frame: string) => readFileSync(pcap).toString("hex").split(frame).length - 1;

  beforeAll(async () => {
    undo.defer(() => rmSync(dir, { recursive: true, force: true }));
    ovs = undo.use(await startOvs({ datapathType: "dummy", ports: ["g", "va"], protocols: [protocol] }));
    await ovs.vsctl("set", "interface", "va", `options:tx_pcap=${pcap}`);
    const migrationsDir = join(import.meta.dirname, "../../sql/vim");
    const db = undo.adopt(await openStore<VimDb>({ path: ":memory:", migrationsDir }), (store) => store.destroy());
    const parts = { clock: systemClock, log: silent };
    vim = await Vim.open({ db, ...parts, vlanRange: { first: 3000, last: 3099 } });
    undo.defer(() => vim.events.flush());
    undo.use(vim.protections);
    switches = undo.use(await listen({ host: "127.0.0.1", tcpPort: 0, epoch: 1n, ...parts }));
    switches.on((e) => {
      if (e.type === "up") vim.fabric.connected(switches.sessions.get(e.datapath)!);
      if (e.type === "packetIn") handedOver.push(Buffer.from(e.frame).toString("hex"));
    });
    app = undo.adopt<FastifyInstance>(serveOpenvim(vim, true, parts), (a) => a.close());
    await ovs.setControllers(`tcp:127.0.0.1:${switches.tcpPort}`);
    await until("the switch is there", () => vim.fabric.session !== null);
    netId = (await ask("POST", "/networks", { network: { name: "n", type: "data" } })).body.network.id;
    guestPort = await external("g", GUEST.mac);
    await external("va", VIEWER.mac);
    await vim.fabric.reconcile();
  });
  afterEach(() => secure({ port_security: null, allowed_address_pairs: [] }));
  afterAll(() => undo.disposeAsync());

  const arp = (from: Address) => arpReply(from, VIEWER);
  const ipv4 = (from: Address) => icmpEcho({ from, to: VIEWER }, 1, 1);
  const dhcp = udpDatagram({ from: { mac: GUEST.mac, ip: NOBODY }, to: EVERYBODY }, 68, 67, new Uint8Array(40));

  test("who is not held to anything sends as anybody, as in OpenVIM", async () => {
    const sent = [ipv4(OTHER), ipv4({ ...GUEST, ip: OTHER.ip }), arp({ ...GUEST, ip: OTHER.ip }), dhcp];
    expect(await passing(...sent)).toEqual(sent.map(() => true));
  });

  test("of a port that is, only what its own addresses send passes, and a DHCP client", async () => {
    await secure({ port_security: true, allowed_address_pairs: [{ ip_address: GUEST.ip }] });
    const honest = [ipv4(GUEST), arp(GUEST), dhcp, arpProbe(GUEST.mac, VIEWER.ip), arpProbe(GUEST.mac, VIEWER.ip, GUEST.ip)];
    expect(await passing(...honest)).toEqual(honest.map(() => true));
    const spoofed = [
      ipv4({ ...GUEST, mac: OTHER.mac }),
      ipv4({ ...GUEST, ip: OTHER.ip }),
      arp({ ...GUEST, ip: OTHER.ip }),
      arp(OTHER),
      arpProbe(GUEST.mac, VIEWER.ip, OTHER.ip),
      udpDatagram({ from: { mac: GUEST.mac, ip: NOBODY }, to: EVERYBODY }, 67, 68, new Uint8Array(40)),
      Buffer.from(frameTo(VIEWER.mac, GUEST.mac), "hex"),
    ];
    expect(await passing(...spoofed)).toEqual(spoofed.map(() => false));
    const lie = arp(GUEST);
    lie[27]! ^= 1; // The MAC address in the ARP packet is another than the frame's.
    expect(await passing(lie)).toEqual([protocol === "OpenFlow10"]);
  });

  test("a service's own MAC and IP address pass where they are allowed, and only together", async () => {
    const service = { ip_address: "10.0.7.0/24", mac_address: "02:00:00:00:07:07" };
    const pairs = [{ ip_address: GUEST.ip }, service];
    expect(await secure({ port_security: true, allowed_address_pairs: pairs })).toMatchObject({
      port_security: true,
      allowed_address_pairs: pairs,
    });
    const mac = service.mac_address;
    const together = [ipv4({ mac, ip: "10.0.7.9" }), arp({ mac, ip: "10.0.7.200" })];
    const apart = [ipv4({ mac, ip: GUEST.ip }), ipv4({ mac: GUEST.mac, ip: "10.0.7.9" })];
    expect(await passing(...together, ...apart)).toEqual([true, true, false, false]);
  });

  test("of IPv6 too only what its own addresses send passes, and it speaks of no other's; a switch that cannot be asked leads it nowhere", async () => {
    const pairs = [{ ip_address: GUEST.ip }, { ip_address: "FD00:0:0:0:0:0:0:64" }];
    expect((await secure({ port_security: true, allowed_address_pairs: pairs })).allowed_address_pairs[1].ip_address).toBe(
      "fd00::64",
    );
    if (protocol === "OpenFlow10") {
      const { network } = (await ask("GET", `/networks/${netId}`)).body;
      return expect(network).toMatchObject({ status: "ERROR", last_error: expect.stringContaining("who sent an IPv6 packet") });
    }
    expect((await vim.fabric.reconcile())?.changes).toBe(0);
    const [own, link, others] = ["fd00::64", "fe80::ff:fe00:64", "fd00::99"];
    const honest = [ipv6(own), ipv6(link), ipv6(own, [136, own]), ipv6(link, [136, link]), ipv6("::", [135, own]), ipv4(GUEST)];
    expect(await passing(...honest)).toEqual(honest.map(() => true));
    const spoofed = [
      ipv6(others),
      ipv6(own, [136, others]),
      ipv6(link, [136, others]),
      ipv6("::", [135, others]),
      ipv6(link, [134, "::"]),
    ];
    expect(await passing(...spoofed)).toEqual(spoofed.map(() => false));
  });

  /** ICMPv6 of the guest to everybody: of this type, about this address; without one a ping. */
  function ipv6(from: string, [type, target]: [number, string] = [128, "::1"]): Uint8Array {
    const body = Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]), ipv6Bytes(target)]);
    const head = Buffer.from([0x60, 0, 0, 0, 0, body.length, 58, 255]);
    const ether = Buffer.from(`333300000001${GUEST.mac.replaceAll(":", "")}86dd`, "hex");
    return Buffer.concat([ether, head, ipv6Bytes(from), ipv6Bytes("ff02::1"), body]);
  }

  test("our own requests reach it, and its answers reach us", async () => {
    await secure({ port_security: true, allowed_address_pairs: [{ ip_address: GUEST.ip }] });
    const { ask: request, answerIn } = probeFrames(PROBE_MAC);
    const pcapOfGuest = join(dir, "g.pcap");
    await ovs.vsctl("set", "interface", "g", `options:tx_pcap=${pcapOfGuest}`);
    const frame = request(GUEST.ip);
    vim.fabric.session!.packetOut("g", frame);
    await until("the request is there", () => readFileSync(pcapOfGuest).includes(Buffer.from(frame)));
    const answer = Buffer.from(arpReply(GUEST, { mac: PROBE_MAC, ip: NOBODY }));
    expect(answerIn(answer)).not.toBeNull();
    await ovs.appctl("netdev-dummy/receive", "g", answer.toString("hex"));
    await until("the answer is here", () => handedOver.some((h) => h.startsWith(answer.toString("hex"))));
  });

  test("what stands in the switch is what was written, and nothing is left of it when it is taken back", async () => {
    const plain = await vim.fabric.session!.read();
    await secure({ port_security: true, allowed_address_pairs: [{ ip_address: "10.1.0.0/16" }, { ip_address: "10.0.0.1" }] });
    expect((await vim.fabric.reconcile())?.changes).toBe(0);
    const held = await vim.fabric.session!.read();
    expect(held.entries.length).toBeGreaterThan(plain.entries.length);
    await secure({ port_security: false, allowed_address_pairs: [] });
    const sorted = (t: typeof plain) => t.entries.map((e) => JSON.stringify({ ...e, cookie: String(e.cookie) })).sort();
    expect(sorted(await vim.fabric.session!.read())).toEqual(sorted(plain));
  });

  test.each<[string, object, RegExp]>([
    ["an address that is none", { allowed_address_pairs: [{ ip_address: "10.0.0.300" }] }, /ip_address/],
    ["every address", { allowed_address_pairs: [{ ip_address: "10.0.0.0/0" }] }, /is no address of a port; port_security false/],
    ["nobody's address", { allowed_address_pairs: [{ ip_address: NOBODY }] }, /is no address of a port/],
    [
      "a group's MAC address",
      { allowed_address_pairs: [{ ip_address: "10.0.0.1", mac_address: "01:00:5e:00:00:01" }] },
      /mac_address/,
    ],
    ["a word that is none", { port_security: "yes" }, /port_security/],
    [
      "too many",
      { allowed_address_pairs: Array.from({ length: 17 }, (_, i) => ({ ip_address: `10.0.0.${i + 1}` })) },
      /allowed_address_pairs/,
    ],
  ])("%s is refused, and changes nothing", async (_, change, why) => {
    const before = (await ask("GET", `/ports/${guestPort}`)).body;
    const reply = await ask("PUT", `/ports/${guestPort}`, { port: change });
    expect([reply.status, reply.body.error.description]).toEqual([400, expect.stringMatching(why)]);
    expect((await ask("GET", `/ports/${guestPort}`)).body).toEqual(before);
  });

  test("a port without a MAC address cannot be held to one", async () => {
    const reply = await ask("POST", "/ports", { port: { name: "x", "binding:switch_port": "x", port_security: true } });
    expect([reply.status, reply.body.error.description]).toEqual([400, expect.stringContaining("give it one")]);
  });
});
