import { describe, expect, test } from "vitest";
import { AGENT_CHARDEV, type DomainSpec, domainXml, QMP_CHARDEV } from "./domain-xml.ts";
import { epochOf, refuseIfLater } from "./epoch.ts";
import { decodeConnector, encodeRequest, exitFilter } from "./netlink.ts";
import { parseOvsdbAddress } from "./ovsdb-session.ts";
import { parseStat, socketOf } from "./qemu-process.ts";
import { backOffMs, watchSilence } from "./stream.ts";
import { ensureTap } from "./taps.ts";

const SPEC: DomainSpec = {
  uuid: "7ab1b0a4-0f4c-4d0e-9c5d-0a4b2c1d3e5f",
  name: "fw-a",
  memoryMiB: 96,
  vcpus: 1,
  vnics: [],
  qmpSocket: "/run/a.qmp",
  accel: "tcg",
};

describe("the epoch on a domain", () => {
  const marked = (epoch: number) => domainXml(SPEC, epoch);
  const foreign = "<metadata><x:server xmlns:x='urn:another' epoch='99'/></metadata>";

  test.each([
    { what: "as we write it", xml: marked(7), epoch: 7 },
    { what: "as libvirt may write it", xml: marked(7).replaceAll("'", '"'), epoch: 7 },
    { what: "none", xml: domainXml(SPEC), epoch: null },
    { what: "another program's", xml: `<domain>${foreign}</domain>`, epoch: null },
    { what: "beside another program's", xml: `${foreign}${marked(3)}`, epoch: 3 },
  ])("is read: $what", ({ xml, epoch }) => {
    expect(epochOf(xml)).toBe(epoch);
  });

  test("of a later leader: refused with both epochs; ours or an earlier one: taken", () => {
    expect(() => refuseIfLater(marked(8), 7, "s1")).toThrow(
      expect.objectContaining({ code: "STALE_EPOCH", about: { server: "s1", theirs: 8, epoch: 7 } }),
    );
    for (const epoch of [6, 7]) refuseIfLater(marked(epoch), 7, "s1");
    refuseIfLater(domainXml(SPEC), 7, "s1");
  });
});

describe("domainXml", () => {
  test("escapes whatever a tenant chooses", () => {
    const xml = domainXml({ ...SPEC, name: `<x>&"'`, cmdline: "a='b' </cmdline><evil/>", kernel: "/k", initrd: "/i" });
    expect(xml).toContain("<name>&lt;x&gt;&amp;&quot;&apos;</name>");
    expect(xml).not.toContain("<evil/>");
    expect(() => domainXml({ ...SPEC, name: "a\u0000" })).toThrow(expect.objectContaining({ code: "INVALID" }));
  });

  test("a comma in the monitor's path is two on QEMU's command line, and found again as one", () => {
    const xml = domainXml({ ...SPEC, qmpSocket: "/tmp/a,b/q" });
    const arg = xml.match(/value='(socket,id=sempreqmp[^']*)'/)![1]!;
    expect(arg).toContain("path=/tmp/a,,b/q,server=on,wait=off");
    expect(socketOf(["-chardev", arg], QMP_CHARDEV)).toBe("/tmp/a,b/q");
    expect(socketOf(["-name", "x"], QMP_CHARDEV)).toBeNull();
    expect(socketOf(["-chardev", arg], AGENT_CHARDEV)).toBeNull();
  });

  test("a channel for the guest agent and a watchdog where they are asked for, and not else", () => {
    const xml = domainXml({ ...SPEC, agentSocket: "/tmp/a,b/agent", watchdog: "poweroff" });
    expect(xml).toContain("<watchdog model='i6300esb' action='poweroff'/>\n<controller type='virtio-serial' index='0'/>");
    expect(xml.replaceAll("&quot;", '"')).toContain(
      '{"driver":"virtserialport","bus":"virtio-serial0.0","chardev":"sempreagent","name":"org.qemu.guest_agent.0"}',
    );
    expect(socketOf([xml.match(/value='(socket,id=sempreagent[^']*)'/)![1]!], AGENT_CHARDEV)).toBe("/tmp/a,b/agent");
    expect(domainXml(SPEC)).not.toMatch(/watchdog|virtio-serial|virtserialport/);
  });

  test("vNICs, disks and acceleration as asked, offload off", () => {
    const vnics = [
      { mac: "02:00:00:00:00:01", tap: "t1" },
      { mac: "02:00:00:00:00:02", bridge: "br-man" },
    ];
    const xml = domainXml({
      ...SPEC,
      accel: "kvm",
      vnics,
      disks: [{ path: "/d.qcow2", format: "qcow2", bus: "virtio", device: "disk", readOnly: true }],
    });
    expect(xml).toContain("<interface type='ethernet'><mac address='02:00:00:00:00:01'/><target dev='t1' managed='no'/>");
    expect(xml).toContain("<interface type='bridge'><mac address='02:00:00:00:00:02'/><source bridge='br-man'/>");
    expect(xml.match(/<guest csum='off'/g)).toHaveLength(2);
    expect(xml).toContain("<domain type='kvm'");
    expect(xml).toContain("host-passthrough");
    expect(xml).toContain("<readonly/>");
  });
});

/** Runs classic BPF as the kernel does, on the three instructions we use. */
function admits(filter: Buffer, packet: Buffer): boolean {
  let word = 0;
  for (let pc = 0; ; pc++) {
    const [op, ifTrue, ifFalse, k] = [
      filter.readUInt16LE(pc * 8),
      filter[pc * 8 + 2]!,
      filter[pc * 8 + 3]!,
      filter.readUInt32LE(pc * 8 + 4),
    ];
    if (op === 0x20) word = packet.readUInt32BE(k);
    else if (op === 0x15) pc += word === k ? ifTrue : ifFalse;
    else return k !== 0;
  }
}

function event(what: number, pid: number, tgid: number, exitCode = 0): Buffer {
  const bytes = Buffer.alloc(76);
  for (const [at, value] of [
    [36, what],
    [52, pid],
    [56, tgid],
    [60, exitCode],
  ] as const)
    bytes.writeUInt32LE(value, at);
  return bytes;
}
const EXIT = 0x80000000;

describe("the process connector's messages", () => {
  test("the filter admits exits of the watched, and acknowledgements", () => {
    const filter = exitFilter([1234, 70000]);
    expect(admits(filter, event(EXIT, 1240, 1234))).toBe(true);
    expect(admits(filter, event(EXIT, 70000, 70000))).toBe(true);
    expect(admits(filter, event(EXIT, 1240, 1240))).toBe(false);
    expect(admits(filter, event(1, 1234, 1234))).toBe(false);
    expect(admits(filter, event(0, 0, 0))).toBe(true);
    expect(admits(exitFilter([]), event(EXIT, 1, 1))).toBe(false);
    expect(admits(exitFilter(Array.from({ length: 1001 }, (_, i) => i)), event(EXIT, 9999, 9999))).toBe(true);
  });

  test("are read", () => {
    expect(decodeConnector(event(EXIT, 11, 10, 9))).toEqual({ kind: "exit", pid: 11, tgid: 10, exitCode: 9 });
    expect(decodeConnector(event(1, 11, 10))).toBeNull();
    expect(decodeConnector(Buffer.alloc(20))).toBeNull();
    expect(encodeRequest("listen", 7)).toHaveLength(40);
  });
});

test("/proc/PID/stat is read past any name, and a zombie is gone", () => {
  const rest = Array.from({ length: 18 }, (_, i) => i).join(" ");
  expect(parseStat(5, `5 (a) Z (b)) S ${rest} 4711 0`)).toEqual({ pid: 5, startTime: "4711" });
  expect(parseStat(5, `5 (qemu) Z ${rest} 4711 0`)).toBeNull();
});

test("addresses of ovsdb-servers", () => {
  expect(parseOvsdbAddress("unix:/run/db.sock")).toEqual({ path: "/run/db.sock" });
  expect(parseOvsdbAddress("tcp:10.0.0.1:6640")).toEqual({ host: "10.0.0.1", port: 6640 });
  expect(parseOvsdbAddress("tcp:[::1]:6640")).toEqual({ host: "::1", port: 6640 });
  for (const bad of ["", "ssl:1.2.3.4:1", "unix:relative", "tcp:host"])
    expect(() => parseOvsdbAddress(bad)).toThrow(/not an OVSDB address/);
});

test("names of taps are checked before anything is run", async () => {
  for (const bad of ["", "-x", "a/b", "a b", "sixteen-letters-", "../x"]) {
    await expect(ensureTap(bad)).rejects.toMatchObject({ code: "INVALID" });
  }
});

test("the wait before connecting again grows to 2 s", () => {
  expect([0, 1, 2, 5, 6, 1000].map(backOffMs)).toEqual([50, 100, 200, 1600, 2000, 2000]);
});

test("a silent peer is asked every 5 s, and given up after 15", async () => {
  let now = 0;
  const said: string[] = [];
  const end = new AbortController();
  const sleep = async (ms: number) => {
    now += ms + 1;
  };
  const note = (what: string) => () => void said.push(`${what} at ${Math.round(now / 1000)}`);
  const patience = { everyMs: 5_000, asks: 2 };
  await watchSilence({ now: () => now, wall: () => new Date(0), sleep }, end.signal, patience, {
    heardAt: () => 0,
    ask: note("asked"),
    gone: note("gone"),
  });
  expect(said).toEqual(["asked at 5", "asked at 10", "gone at 15"]);
});

test("an answer begins the count anew, and a stall of our own is not held against the peer", async () => {
  let now = 0;
  let heardAt = 0;
  const turns = [100, 100, 100, 900, 100, 100, 100]; // The fourth comes late: we stood still.
  const said: string[] = [];
  const end = new AbortController();
  const sleep = async () => {
    now += turns.shift() ?? 100;
  };
  const ask = () => {
    said.push(`asked at ${now}`);
    if (now === 200) heardAt = 250;
  };
  const gone = () => void said.push(`gone at ${now}`);
  await watchSilence(
    { now: () => now, wall: () => new Date(0), sleep },
    end.signal,
    { everyMs: 100, asks: 2 },
    { heardAt: () => heardAt, ask, gone },
  );
  // 100: asked; 200: asked; 250: answered; 300: it was just heard; 1200: our own stall; then two questions and the end.
  expect(said).toEqual(["asked at 100", "asked at 200", "asked at 1300", "asked at 1400", "gone at 1500"]);
});
