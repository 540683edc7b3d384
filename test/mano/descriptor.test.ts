import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { parseDescriptor } from "../../src/descriptor/plain.ts";

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: a broken descriptor has, on purpose, no type.
type Loose = any;

function good(): Loose {
  return {
    vnfd: [
      {
        id: "media-relay",
        name: "Media relay",
        version: "1.0",
        vdu: [
          {
            id: "relay",
            image: "relay",
            flavor: "relay",
            cp: [{ id: "eth0" }, { id: "eth1", ip: "10.0.0.100" }],
            high_availability: "ACTIVE_ACTIVE",
            service_interface: "eth1",
            vnfc: [
              { id: "a", replicated: "b" },
              { id: "b", replicated: "a" },
            ],
          },
        ],
      },
    ],
    nsd: [
      {
        id: "media",
        name: "Media",
        version: "1.0",
        vnfd: "media-relay",
        nets: { eth0: "media_net" },
        members: [
          { vnfc: "a", data_net: "data_net0", traffic_net: ["traffic_net0"] },
          { vnfc: "b", data_net: "data_net1", traffic_net: ["traffic_net1"] },
        ],
      },
    ],
  };
}

const vdu = (f: Loose) => f.vnfd[0].vdu[0];
const nsd = (f: Loose) => f.nsd[0];
function withSpare(f: Loose, id: string): void {
  vdu(f).vnfc.push({ id, standby: "warm" });
  nsd(f).members.push({ vnfc: id, data_net: `data_net_${id}`, traffic_net: [] });
}

/** What is done to the good file, and the beginning of each sentence that must be told: all of them and no other. */
const BROKEN: Record<string, [breakIt: (f: Loose) => void, errors: string[]]> = {
  "no vnfd": [(f) => delete f.vnfd, ["vnfd: is missing; write a list", 'nsd[0].vnfd: there is no vnfd "media-relay"']],
  "no nsd": [(f) => delete f.nsd, ["nsd: is missing"]],
  "empty nsd list": [
    (f) => {
      f.nsd = [];
    },
    ["nsd: [] is not possible here; write a list of NS descriptors"],
  ],
  "unknown key at the top": [
    (f) => {
      f.vnfds = 1;
    },
    ["vnfds: there is no such key; write one of vnfd, nsd"],
  ],
  "unknown key in a VDU": [
    (f) => {
      vdu(f).memory = 4;
    },
    ["vnfd[0].vdu[0].memory: there is no such key; write one of id, image"],
  ],
  "misspelt key in a policy": [
    (f) => {
      vdu(f).protection = { revertiv: true };
    },
    ["vnfd[0].vdu[0].protection.revertiv: there is no such key"],
  ],
  "no image": [(f) => delete vdu(f).image, ["vnfd[0].vdu[0].image: is missing; write the name of an image"]],
  "no flavor": [(f) => delete vdu(f).flavor, ["vnfd[0].vdu[0].flavor: is missing; write the name of a flavor"]],
  "version as a number": [
    (f) => {
      f.vnfd[0].version = 1.0;
    },
    ["vnfd[0].version: 1 is not possible here; write a version in quotes"],
  ],
  "id with a space": [
    (f) => {
      vdu(f).id = "my relay";
    },
    ['vnfd[0].vdu[0].id: "my relay" is not possible here'],
  ],
  "unknown scheme": [
    (f) => {
      vdu(f).high_availability = "ACTIVE";
    },
    ['vnfd[0].vdu[0].high_availability: "ACTIVE" is not possible here; write ACTIVE_ACTIVE or'],
  ],
  "negative wait": [
    (f) => {
      vdu(f).protection = { wait_to_restore_ms: -1 };
    },
    ["vnfd[0].vdu[0].protection.wait_to_restore_ms: -1 is not possible"],
  ],
  "probe too fast, and missing more than it asks": [
    (f) => {
      vdu(f).protection = { probe: { interval: 5, misses: 4, of: 3, port: 1 } };
    },
    [
      "vnfd[0].vdu[0].protection.probe.interval: 5 is not possible here; write whole milliseconds between two requests, 10..1000",
      "vnfd[0].vdu[0].protection.probe.port: there is no such key; write one of interval, misses, of, icmp, udp_port, tcp_port, source_ip",
      "vnfd[0].vdu[0].protection.probe.misses: 4 of 3 requests cannot be missed",
    ],
  ],
  "a heartbeat too fast, and missing more than it asks": [
    (f) => {
      vdu(f).protection = { guest_heartbeat: { interval: 50, misses: 4, of: 3, agent: "qemu-ga" } };
    },
    [
      "vnfd[0].vdu[0].protection.guest_heartbeat.interval: 50 is not possible here; write whole milliseconds between two requests to the guest's agent, 100..10000",
      "vnfd[0].vdu[0].protection.guest_heartbeat.agent: there is no such key; write one of interval, misses, of",
      "vnfd[0].vdu[0].protection.guest_heartbeat.misses: 4 of 3 requests cannot be missed",
    ],
  ],
  "traffic that is silent too soon, and an unknown key": [
    (f) => {
      vdu(f).protection = { traffic: { silent_ms: 100, packets: 1 } };
    },
    [
      "vnfd[0].vdu[0].protection.traffic.silent_ms: 100 is not possible here; write whole milliseconds in which packets go in and none comes out, 200..60000",
      "vnfd[0].vdu[0].protection.traffic.packets: there is no such key; write one of silent_ms",
    ],
  ],
  "probe without an address": [
    (f) => {
      vdu(f).protection = { probe: { icmp: true } };
      delete vdu(f).cp[1].ip;
    },
    [
      "vnfd[0].vdu[0].protection.probe.source_ip: is missing beside icmp, udp_port or tcp_port",
      'vnfd[0].vdu[0].protection.probe: the service interface "eth1" has no ip to ask',
    ],
  ],
  "capacity below its own traffic": [
    (f) => {
      nsd(f).members[0].traffic_net = ["traffic_net0", "traffic_net2"];
      nsd(f).members[0].capacity = 1;
    },
    ["nsd[0].members[0].capacity: 1 is less than its own 2 traffic_net"],
  ],
  "wait with a unit": [
    (f) => {
      vdu(f).protection = { hold_off_ms: "2s" };
    },
    ['vnfd[0].vdu[0].protection.hold_off_ms: "2s" is not'],
  ],
  "revertive as a word": [
    (f) => {
      vdu(f).protection = { revertive: "yes" };
    },
    ['vnfd[0].vdu[0].protection.revertive: "yes" is not possible'],
  ],
  "ip out of range": [
    (f) => {
      vdu(f).cp[1].ip = "10.0.0.256";
    },
    ['vnfd[0].vdu[0].cp[1].ip: "10.0.0.256" is not possible here; write an IPv4'],
  ],
  "two cps of one name": [
    (f) => vdu(f).cp.push({ id: "eth0" }),
    ['vnfd[0].vdu[0].cp[2].id: "eth0" is already at vnfd[0].vdu[0].cp[0]'],
  ],
  "service interface that is no cp": [
    (f) => {
      vdu(f).service_interface = "eth7";
      nsd(f).nets.eth1 = "x_net";
    },
    ['vnfd[0].vdu[0].service_interface: there is no cp "eth7" in this VDU; write one of eth0, eth1'],
  ],
  "no service interface": [
    (f) => {
      delete vdu(f).service_interface;
      nsd(f).nets.eth1 = "x_net";
    },
    ["vnfd[0].vdu[0].service_interface: is missing beside high_availability"],
  ],
  "high availability without twins": [
    (f) => {
      delete vdu(f).vnfc[0].replicated;
      delete vdu(f).vnfc[1].replicated;
    },
    ["vnfd[0].vdu[0].vnfc[0].replicated: is missing beside", "vnfd[0].vdu[0].vnfc[1].replicated: is missing beside"],
  ],
  "twins without high availability": [
    (f) => {
      delete vdu(f).high_availability;
      nsd(f).nets.eth1 = "x_net";
      delete nsd(f).members;
    },
    [
      "vnfd[0].vdu[0].service_interface: says which cp to protect, but nothing is",
      "vnfd[0].vdu[0].vnfc[0].replicated: names a twin, but the VDU has no",
      "vnfd[0].vdu[0].vnfc[1].replicated: names a twin, but the VDU has no",
    ],
  ],
  "one VNFC only": [
    (f) => {
      vdu(f).vnfc.pop();
      nsd(f).members.pop();
    },
    ["vnfd[0].vdu[0].vnfc: high_availability needs exactly two", 'vnfd[0].vdu[0].vnfc[0].replicated: there is no VNFC "b"'],
  ],
  "three VNFCs": [
    (f) => {
      vdu(f).vnfc.push({ id: "c", replicated: "a" });
      nsd(f).members.push({ vnfc: "c", data_net: "d2", traffic_net: ["t2"] });
    },
    [
      "vnfd[0].vdu[0].vnfc: high_availability needs exactly two",
      'vnfd[0].vdu[0].vnfc[2].replicated: "a" does not name "c" back but "b"',
    ],
  ],
  "no VNFC": [
    (f) => {
      vdu(f).vnfc = [];
    },
    [
      "vnfd[0].vdu[0].vnfc: [] is not possible here",
      'nsd[0].members[0].vnfc: there is no VNFC "a"',
      'nsd[0].members[1].vnfc: there is no VNFC "b"',
    ],
  ],
  "twin that is missing": [
    (f) => {
      vdu(f).vnfc[0].replicated = "z";
    },
    [
      'vnfd[0].vdu[0].vnfc[0].replicated: there is no VNFC "z" in this VDU; write one of b',
      'vnfd[0].vdu[0].vnfc[1].replicated: "a" does not name "b" back',
    ],
  ],
  "twin that names itself": [
    (f) => {
      vdu(f).vnfc[0].replicated = "a";
    },
    ['vnfd[0].vdu[0].vnfc[0].replicated: "a" names itself; write one of b'],
  ],
  "two VNFCs of one name": [
    (f) => {
      vdu(f).vnfc[1] = { id: "a", replicated: "b" };
    },
    [
      'vnfd[0].vdu[0].vnfc[0].id: "a" is used 2 times',
      'vnfd[0].vdu[0].vnfc[1].id: "a" is used 2 times',
      'vnfd[0].vdu[0].vnfc[0].replicated: there is no VNFC "b"',
      'vnfd[0].vdu[0].vnfc[1].replicated: there is no VNFC "b"',
      'nsd[0].members[1].vnfc: there is no VNFC "b"',
    ],
  ],
  "two vnfds of one id": [(f) => f.vnfd.push(structuredClone(f.vnfd[0])), ['vnfd[1].id: "media-relay" is already at vnfd[0]']],
  "two nsds of one id": [(f) => f.nsd.push(structuredClone(f.nsd[0])), ['nsd[1].id: "media" is already at nsd[0]']],
  "two VDUs of one id": [
    (f) => f.vnfd[0].vdu.push({ id: "relay", image: "i", flavor: "f", cp: [{ id: "eth0" }], vnfc: [{ id: "c" }] }),
    ['vnfd[0].vdu[1].id: "relay" is already at vnfd[0].vdu[0]'],
  ],
  "vnfd that is not there": [
    (f) => {
      nsd(f).vnfd = "relay9";
    },
    ['nsd[0].vnfd: there is no vnfd "relay9" in this file; write one of media-relay'],
  ],
  "cp without a net": [(f) => delete nsd(f).nets, ["nsd[0].nets.eth0: is missing; write the name of the VIM net"]],
  "net for a cp that is not there": [
    (f) => {
      nsd(f).nets.eth9 = "n";
    },
    ['nsd[0].nets.eth9: vnfd "media-relay" has no cp "eth9"'],
  ],
  "net for the service interface": [
    (f) => {
      nsd(f).nets.eth1 = "n";
    },
    ["nsd[0].nets.eth1: is a service interface, whose net is its member's"],
  ],
  "net that is not a name": [
    (f) => {
      nsd(f).nets.eth0 = 7;
    },
    ["nsd[0].nets.eth0: 7 is not possible here; write the name of a VIM net"],
  ],
  "member missing": [(f) => nsd(f).members.pop(), ['nsd[0].members: has no entry for VNFC "b"; add { vnfc: b']],
  "member twice": [
    (f) => {
      nsd(f).members[1].vnfc = "a";
    },
    ['nsd[0].members[1].vnfc: "a" is already at nsd[0].members[0]', 'nsd[0].members: has no entry for VNFC "b"'],
  ],
  "member that is no VNFC": [
    (f) => nsd(f).members.push({ vnfc: "z", data_net: "data_net2", traffic_net: ["traffic_net2"] }),
    ['nsd[0].members[2].vnfc: there is no VNFC "z" in vnfd "media-relay"; write one of a, b'],
  ],
  "member that is not protected": [
    (f) => {
      f.vnfd[0].vdu.push({ id: "plain", image: "i", flavor: "f", cp: [{ id: "eth0" }], vnfc: [{ id: "c" }] });
      nsd(f).members.push({ vnfc: "c", data_net: "data_net2", traffic_net: ["traffic_net2"] });
    },
    ['nsd[0].members[2].vnfc: "c" is not protected'],
  ],
  "no data net": [
    (f) => delete nsd(f).members[0].data_net,
    ["nsd[0].members[0].data_net: is missing; write the name of the VIM net that"],
  ],
  "traffic net as text": [
    (f) => {
      nsd(f).members[0].traffic_net = "traffic_net0";
    },
    [
      'nsd[0].members[0].traffic_net: "traffic_net0" is not possible here; write a list',
      'nsd[0].members: VDU "relay" is ACTIVE_ACTIVE but a has no',
    ],
  ],
  "traffic net of two members": [
    (f) => {
      nsd(f).members[1].traffic_net = ["traffic_net0"];
    },
    [
      'nsd[0].members[1].traffic_net[0]: "traffic_net0" is already at nsd[0].members[0].traffic_net[0]; a traffic net is served by one',
    ],
  ],
  "data net used twice": [
    (f) => {
      nsd(f).members[1].data_net = "data_net0";
    },
    ['nsd[0].members[1].data_net: "data_net0" is already at nsd[0].members[0].data_net; every member'],
  ],
  "data net that is a traffic net": [
    (f) => {
      nsd(f).members[1].data_net = "traffic_net0";
    },
    ['nsd[0].members[0].traffic_net[0]: "traffic_net0" is already at nsd[0].members[1].data_net'],
  ],
  "data net that is a cp's net": [
    (f) => {
      nsd(f).members[1].data_net = "media_net";
    },
    ['nsd[0].members[1].data_net: "media_net" is already at nsd[0].nets.eth0'],
  ],
  "ACTIVE_PASSIVE with traffic on both": [
    (f) => {
      vdu(f).high_availability = "ACTIVE_PASSIVE";
    },
    ['nsd[0].members: VDU "relay" is ACTIVE_PASSIVE but a and b both have a traffic_net'],
  ],
  "DUPLICATED with a limit": [
    (f) => {
      vdu(f).high_availability = "DUPLICATED";
      nsd(f).members[0].capacity = 2;
    },
    ['nsd[0].members[0].capacity: VDU "relay" is DUPLICATED, so each member carries every traffic_net; remove the capacity'],
  ],
  "ACTIVE_ACTIVE with an idle member": [
    (f) => {
      nsd(f).members[1].traffic_net = [];
    },
    ['nsd[0].members: VDU "relay" is ACTIVE_ACTIVE but b has no traffic_net'],
  ],
  "no traffic at all": [
    (f) => {
      nsd(f).members[0].traffic_net = nsd(f).members[1].traffic_net = [];
    },
    ['nsd[0].members: no member of VDU "relay" has a traffic_net'],
  ],
  "a spare that is a twin, serves, and is the second one": [
    (f) => {
      withSpare(f, "c");
      withSpare(f, "d");
      vdu(f).vnfc[2].replicated = "a";
      nsd(f).members[2].traffic_net = ["traffic_net2"];
    },
    [
      "vnfd[0].vdu[0].vnfc[2].replicated: a warm spare is nobody's twin but stands in for either; remove it",
      "vnfd[0].vdu[0].vnfc[3].standby: there is a warm spare already at vnfd[0].vdu[0].vnfc[2]",
      'nsd[0].members[2].traffic_net: "c" is a warm spare and serves nothing while all is well; write []',
    ],
  ],
  "a spare in the place of a twin": [
    (f) => {
      vdu(f).vnfc[1] = { id: "b", standby: "warm" };
      nsd(f).members[1].traffic_net = [];
    },
    [
      "vnfd[0].vdu[0].vnfc: high_availability needs exactly two VNFCs beside its warm spare, there are 1",
      'vnfd[0].vdu[0].vnfc[0].replicated: there is no VNFC "b" in this VDU',
    ],
  ],
  "a spare that cannot prove itself": [
    (f) => {
      withSpare(f, "c");
      delete vdu(f).cp[1].ip;
    },
    ['vnfd[0].vdu[0].vnfc[2].standby: the service interface "eth1" has no ip, at which a spare must answer'],
  ],
  "a standby that is neither": [
    (f) => {
      withSpare(f, "c");
      vdu(f).vnfc[2].standby = "cold";
    },
    [
      'vnfd[0].vdu[0].vnfc[2].standby: "cold" is not possible here; write warm for a paused spare',
      "vnfd[0].vdu[0].vnfc: high_availability needs",
      "vnfd[0].vdu[0].vnfc[2].replicated: is missing",
    ],
  ],
  "many errors at once": [
    (f) => {
      delete vdu(f).image;
      vdu(f).vnfc[0].replicated = "a";
      nsd(f).members[1].data_net = "data_net0";
    },
    [
      "vnfd[0].vdu[0].image: is missing",
      'vnfd[0].vdu[0].vnfc[0].replicated: "a" names itself',
      'nsd[0].members[1].data_net: "data_net0" is already',
    ],
  ],
};

describe("a broken descriptor tells every error, each with its path", () => {
  test.for(Object.entries(BROKEN))("%s", ([, [breakIt, wanted]]) => {
    const file = good();
    breakIt(file);
    const parsed = parseDescriptor(stringify(file));
    const errors = parsed.ok ? [] : [...parsed.errors];
    expect(errors).toHaveLength(wanted.length);
    for (const begin of wanted) expect(errors.filter((e) => e.startsWith(begin))).toHaveLength(1);
  });
});

test.for([
  ["text that is not YAML", "vnfd: [", /^the file is not YAML/],
  ["one key twice", "vnfd: []\nvnfd: []\nnsd: []", /^vnfd stands there twice; remove one of them/],
  ["a list instead of an object", "- 1", /^the file: \[1\] is not possible here; write an object with the lists vnfd and nsd/],
  ["nothing", "", /^the file: null is not possible here/],
  [
    "a bomb of aliases",
    `a: &a [x]\n${"bcdefgh"
      .split("")
      .map((k, i) => `${k}: &${k} [${`*${"abcdefgh"[i]},`.repeat(9)}]`)
      .join("\n")}`,
    /^the file is not usable YAML/,
  ],
  ["a book", "#".repeat(300_000), /^the file has 300000 characters/],
] as const)("%s is refused with a sentence", ([, file, sentence]) => {
  const parsed = parseDescriptor(file);
  expect(parsed.ok ? "" : parsed.errors[0]).toMatch(sentence);
});

test.for([
  "media-relay.yaml",
  "media-relay-active-passive.yaml",
  "media-relay-duplicated.yaml",
  "media-relay-guest-heartbeat.yaml",
  "media-relay-warm-spare.yaml",
])("examples/%s is right, as YAML and as JSON", (name) => {
  const parsed = parseDescriptor(example(name));
  expect(parsed.ok && parsed.descriptor.nsds[0]?.members.slice(0, 2)).toMatchObject([{ vnfc: "relay-a" }, { vnfc: "relay-b" }]);
  expect(parseDescriptor(JSON.stringify(good()))).toMatchObject({ ok: true });
});

test("what is left out gets the documented default", () => {
  const parsed = parseDescriptor(stringify(good()));
  expect(parsed.ok && parsed.descriptor.vnfds[0]?.vdus[0]?.policy).toEqual({
    revertive: true,
    holdOffMs: 0,
    waitToRestoreMs: 5000,
    probe: null,
    guestHeartbeat: null,
    traffic: null,
  });
});

test("a probe, a heartbeat and capacities are taken over; what they leave out gets its default", () => {
  const file = good();
  vdu(file).protection = { probe: { interval: 50, misses: 2 }, guest_heartbeat: {}, traffic: {} };
  nsd(file).members[0].capacity = 1;
  const parsed = parseDescriptor(stringify(file));
  expect(parsed).toMatchObject({
    ok: true,
    descriptor: {
      vnfds: [
        {
          vdus: [
            {
              policy: {
                probe: { intervalMs: 50, misses: 2, of: 2, icmp: false, udpPort: null, tcpPort: null, sourceIp: null },
                guestHeartbeat: { intervalMs: 1_000, misses: 3, of: 3 },
                traffic: { silentMs: 1_000 },
              },
            },
          ],
        },
      ],
      nsds: [{ members: [{ capacity: 1 }, { capacity: null }] }],
    },
  });
});
