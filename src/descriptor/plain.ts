import { type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { ipv6Text, isIpv6 } from "../lib/ipv6.ts";
import type { GuestHeartbeatPolicy, ProbePolicy, TrafficPolicy } from "../model/armed.ts";
import type { Descriptor, Nsd, Vdu, Vnfd } from "../model/descriptor.ts";
import type { Scheme } from "../model/protection.ts";
import { brokenRules } from "./rules.ts";
import { type Key, Source } from "./source.ts";
import { LIST_MAX } from "./spot.ts";

/** Longest wait of a policy: an hour. Longer is a typing error (seconds written as milliseconds the other way round). */
const WAIT_MS_MAX = 3_600_000;

// SOL006 names with the leaves of the dissertation. `description` is what an error message says is wanted.
const closed = { additionalProperties: false } as const;
const text = (description: string, more: object = {}) => Type.String({ minLength: 1, maxLength: 255, description, ...more });
const id = (what: string) =>
  text(`${what}: letters, digits, ".", "_" and "-", at most 40`, { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" });
const list = <T extends TSchema>(item: T, description: string, minItems = 1) =>
  Type.Array(item, { minItems, maxItems: LIST_MAX, description });
const waitMs = Type.Integer({ minimum: 0, maximum: WAIT_MS_MAX, description: "whole milliseconds, 0..3600000" });
const whole = (minimum: number, maximum: number, what: string) =>
  Type.Integer({ minimum, maximum, description: `${what}, ${minimum}..${maximum}` });
const IPV4 = "^((25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(?!$)|$)){4}$";
const ipv4 = Type.String({
  pattern: IPV4,
  description: "an IPv4 address such as 10.0.0.100",
});
/** One of IPv6 is looked at more closely when it is read. */
const ip = Type.String({
  pattern: `${IPV4}|^(?=.*:)[0-9A-Fa-f:.]{2,45}$`,
  description: "an IPv4 address such as 10.0.0.100, or an IPv6 address such as fd00:0:0:1::100",
});
const probeShape = Type.Object(
  {
    interval: Type.Optional(whole(10, 1_000, "whole milliseconds between two requests")),
    misses: Type.Optional(whole(1, 100, "how many unanswered requests make a member silent")),
    of: Type.Optional(whole(1, 100, "of how many last requests")),
    icmp: Type.Optional(Type.Boolean({ description: "true or false: ask by ICMP echo too" })),
    udp_port: Type.Optional(whole(1, 65_535, "a UDP port of the service that answers any datagram")),
    tcp_port: Type.Optional(whole(1, 65_535, "a TCP port that the service listens on")),
    source_ip: Type.Optional(ipv4),
  },
  { ...closed, description: "an object with interval, misses, of and perhaps icmp, udp_port, tcp_port, source_ip" },
);
const heartbeatShape = Type.Object(
  {
    interval: Type.Optional(whole(100, 10_000, "whole milliseconds between two requests to the guest's agent")),
    misses: Type.Optional(whole(1, 100, "how many unanswered requests make a member silent")),
    of: Type.Optional(whole(1, 100, "of how many last requests")),
  },
  { ...closed, description: "an object with interval, misses, of" },
);
const trafficShape = Type.Object(
  { silent_ms: Type.Optional(whole(200, 60_000, "whole milliseconds in which packets go in and none comes out")) },
  { ...closed, description: "an object with silent_ms" },
);

const vduShape = Type.Object(
  {
    id: id("a name for the VDU"),
    image: text("the name of an image in the VIM"),
    flavor: text("the name of a flavor in the VIM"),
    cp: list(
      Type.Object(
        { id: id("a vNIC name such as eth0"), ip: Type.Optional(ip) },
        { ...closed, description: "an object with id and perhaps ip" },
      ),
      "a list of connection points",
    ),
    high_availability: Type.Optional(
      Type.Enum(["ACTIVE_ACTIVE", "ACTIVE_PASSIVE", "DUPLICATED", "N_PLUS_M"], {
        description: "ACTIVE_ACTIVE or ACTIVE_PASSIVE or DUPLICATED or N_PLUS_M, or leave it out",
      }),
    ),
    service_interface: Type.Optional(id("the id of one cp of this VDU")),
    protection: Type.Optional(
      Type.Object(
        {
          revertive: Type.Optional(Type.Boolean({ description: "true or false" })),
          wait_to_restore_ms: Type.Optional(waitMs),
          hold_off_ms: Type.Optional(waitMs),
          probe: Type.Optional(probeShape),
          guest_heartbeat: Type.Optional(heartbeatShape),
          traffic: Type.Optional(trafficShape),
        },
        { ...closed, description: "an object with revertive, wait_to_restore_ms, hold_off_ms, probe, guest_heartbeat, traffic" },
      ),
    ),
    vnfc: list(
      Type.Object(
        {
          id: id("a name for the VNFC"),
          replicated: Type.Optional(id("the id of the twin VNFC")),
          standby: Type.Optional(Type.Enum(["hot", "warm"], { description: "warm for a paused spare, or leave it out" })),
          kernel_cmdline: Type.Optional(text("words to add to the kernel's command line", { maxLength: 1024 })),
        },
        { ...closed, description: "an object with id and perhaps replicated, standby, kernel_cmdline" },
      ),
      "a list of VNFCs",
    ),
    protection_group: Type.Optional(
      list(
        Type.Object(
          { id: id("a name for the group"), vnfc: list(id("the id of a VNFC of this VDU"), "a list of ids of VNFCs") },
          { ...closed, description: "an object with id and vnfc" },
        ),
        "a list of protection groups",
      ),
    ),
  },
  { ...closed, description: "an object that describes a VDU" },
);
const named = {
  id: id("a name without spaces"),
  name: text("a name for people"),
  version: text('a version in quotes, such as "1.0"'),
};
const shape = Type.Object(
  {
    vnfd: list(
      Type.Object(
        { ...named, vdu: list(vduShape, "a list of VDUs") },
        { ...closed, description: "an object that describes a VNF" },
      ),
      "a list of VNF descriptors",
    ),
    nsd: list(
      Type.Object(
        {
          ...named,
          vnfd: id("the id of a vnfd of this file"),
          nets: Type.Optional(
            Type.Record(Type.String(), text("the name of a VIM net"), { description: "an object: cp id → name of a VIM net" }),
          ),
          vim_accounts: Type.Optional(
            Type.Record(Type.String(), text("the name of a VIM account"), {
              description: "an object: id of a VNFC → name of the VIM account it goes to",
            }),
          ),
          members: Type.Optional(
            list(
              Type.Object(
                {
                  vnfc: id("the id of a protected VNFC"),
                  data_net: text("the name of the VIM net that its service interface is on"),
                  traffic_net: Type.Array(text("the name of a VIM net"), {
                    maxItems: LIST_MAX,
                    description: "a list of names of VIM nets, [] for none",
                  }),
                  capacity: Type.Optional(whole(1, LIST_MAX, "how many traffic nets it may carry, whoever fails")),
                },
                { ...closed, description: "an object with vnfc, data_net, traffic_net and perhaps capacity" },
              ),
              "a list with one entry for each protected VNFC",
            ),
          ),
        },
        { ...closed, description: "an object that describes a network service" },
      ),
      "a list of NS descriptors",
    ),
  },
  { ...closed, description: "an object with the lists vnfd and nsd" },
);

export type Parsed =
  | { readonly ok: true; readonly descriptor: Descriptor }
  | { readonly ok: false; readonly errors: readonly string[] };

/** A descriptor of the plain form, from its text. Either every sentence that is wrong with it, each with its path and what to write instead, or the descriptor. */
export function parseDescriptor(file: string): Parsed {
  const source = Source.read(file, "");
  const descriptor = source.flaws.length > 0 ? null : readPlain(source);
  if (descriptor !== null && source.flaws.length === 0) return { ok: true, descriptor };
  return {
    ok: false,
    errors: source.flaws.map(({ path, what, remedy }) => `${path ? `${path}: ` : ""}${what}${remedy ? `; ${remedy}` : ""}`),
  };
}

/** Reads the plain form and checks all of it; nothing is guessed or changed. What is wrong is in the source's `flaws`. */
export function readPlain(source: Source): Descriptor {
  const descriptor = lenient(source.value);
  for (const sentence of [...mistakesInShape(source.value), ...brokenRules(descriptor)]) {
    const [, path = "", rest = sentence] = /^([^\s:]+): ([\s\S]*)$/.exec(sentence) ?? [];
    const cut = rest.lastIndexOf("; ");
    const isCut = cut >= 0;
    source.refuse(keysOf(path), isCut ? rest.slice(0, cut) : rest, isCut ? rest.slice(cut + 2) : "");
  }
  return descriptor;
}

/** `vnfd[0].vdu` as it is walked. */
const keysOf = (path: string): Key[] =>
  [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) => (index === undefined ? key! : Number(index)));

type Raw = Record<string, unknown>;
const object = (v: unknown): Raw => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Raw) : {});
const objects = (v: unknown): Raw[] => (Array.isArray(v) ? v.map(object) : []);
const string = (v: unknown): string => (typeof v === "string" ? v : "");
const stringOrNull = (v: unknown): string | null => (typeof v === "string" && v !== "" ? v : null);
const number = (v: unknown, byDefault: number): number => (typeof v === "number" ? v : byDefault);

/** Silence is known within half a second; a guest that is only slow answers one of three. */
const PROBE_DEFAULT = { intervalMs: 100, misses: 3 } as const;

/** As StarlingX's guest heartbeat asks by default; three, as an agent that is renewed with its package is away for a second. */
const HEARTBEAT_DEFAULT = { intervalMs: 1_000, misses: 3 } as const;

/** A stream's usual pauses are shorter. */
const SILENT_DEFAULT_MS = 1_000;

/** G.8031 11.14 has 5 to 12 minutes; a media relay is warm within seconds. */
const WAIT_TO_RESTORE_DEFAULT_MS = 5_000;

/**
 * The file in our nouns, with "" and [] where its shape is wrong, so that the rules across fields can still look at the
 * rest and every error of the file is told at once. Used as a descriptor only when there was no error.
 */
function lenient(raw: unknown): Descriptor {
  const file = object(raw);
  return { vnfds: objects(file.vnfd).map(vnfdOf), nsds: objects(file.nsd).map(nsdOf) };
}

const vnfdOf = (raw: Raw): Vnfd => ({
  id: string(raw.id),
  name: string(raw.name),
  version: string(raw.version),
  vdus: objects(raw.vdu).map(vduOf),
});

/** Two of IPv6 that are the same are the same text. */
const ipOf = (ip: string | null): string | null => (ip !== null && isIpv6(ip) ? ipv6Text(ip) : ip);

function vduOf(raw: Raw): Vdu {
  const protection = object(raw.protection);
  return {
    id: string(raw.id),
    image: string(raw.image),
    flavor: string(raw.flavor),
    cps: objects(raw.cp).map((cp) => ({ id: string(cp.id), ip: ipOf(stringOrNull(cp.ip)) })),
    highAvailability: stringOrNull(raw.high_availability) as Scheme | null,
    serviceInterface: stringOrNull(raw.service_interface),
    policy: {
      revertive: protection.revertive !== false,
      holdOffMs: number(protection.hold_off_ms, 0),
      waitToRestoreMs: number(protection.wait_to_restore_ms, WAIT_TO_RESTORE_DEFAULT_MS),
      probe: protection.probe === undefined ? null : probeOf(object(protection.probe)),
      guestHeartbeat: protection.guest_heartbeat === undefined ? null : heartbeatOf(object(protection.guest_heartbeat)),
      traffic: protection.traffic === undefined ? null : trafficOf(object(protection.traffic)),
    },
    vnfcs: objects(raw.vnfc).map((v) => ({
      id: string(v.id),
      replicated: stringOrNull(v.replicated),
      kernelCmdline: stringOrNull(v.kernel_cmdline),
      standby: v.standby === "warm" ? "warm" : "hot",
    })),
    groups: objects(raw.protection_group).map((g) => ({
      id: string(g.id),
      vnfcs: Array.isArray(g.vnfc) ? g.vnfc.map(string) : [],
    })),
  };
}

function probeOf(raw: Raw): ProbePolicy {
  const misses = number(raw.misses, PROBE_DEFAULT.misses);
  return {
    intervalMs: number(raw.interval, PROBE_DEFAULT.intervalMs),
    misses,
    of: number(raw.of, misses),
    icmp: raw.icmp === true,
    udpPort: typeof raw.udp_port === "number" ? raw.udp_port : null,
    tcpPort: typeof raw.tcp_port === "number" ? raw.tcp_port : null,
    sourceIp: stringOrNull(raw.source_ip),
  };
}

function heartbeatOf(raw: Raw): GuestHeartbeatPolicy {
  const misses = number(raw.misses, HEARTBEAT_DEFAULT.misses);
  return { intervalMs: number(raw.interval, HEARTBEAT_DEFAULT.intervalMs), misses, of: number(raw.of, misses) };
}

const trafficOf = (raw: Raw): TrafficPolicy => ({ silentMs: number(raw.silent_ms, SILENT_DEFAULT_MS) });

const nsdOf = (raw: Raw): Nsd => ({
  id: string(raw.id),
  name: string(raw.name),
  version: string(raw.version),
  vnfd: string(raw.vnfd),
  nets: Object.fromEntries(Object.entries(object(raw.nets)).map(([cp, net]) => [cp, string(net)])),
  members: objects(raw.members).map((m) => ({
    vnfc: string(m.vnfc),
    dataNet: string(m.data_net),
    trafficNets: Array.isArray(m.traffic_net) ? m.traffic_net.map(string) : [],
    capacity: typeof m.capacity === "number" ? m.capacity : null,
  })),
  vimAccounts: Object.fromEntries(Object.entries(object(raw.vim_accounts)).map(([vnfc, vim]) => [vnfc, string(vim)])),
});

type Mistake = ReturnType<typeof Value.Errors>[number];
type Described = TSchema & {
  properties?: Record<string, Described>;
  patternProperties?: Record<string, Described>;
  items?: Described;
  description?: string;
};

/** One sentence for each place whose shape is wrong. */
function mistakesInShape(raw: unknown): string[] {
  const sentences = new Map<string, string>();
  for (const mistake of Value.Errors(shape, raw)) {
    for (const [at, sentence] of sentencesOf(mistake, raw))
      if (!sentences.has(at)) sentences.set(at, `${at || "the file"}: ${sentence}`);
  }
  return [...sentences.values()];
}

function sentencesOf(mistake: Mistake, raw: unknown): [at: string, sentence: string][] {
  const keys = mistake.instancePath.split("/").slice(1);
  const schema = schemaAt(keys);
  if (mistake.keyword === "required") {
    return mistake.params.requiredProperties.map((key) => [
      pathOf([...keys, key]),
      `is missing; write ${schemaAt([...keys, key])?.description ?? "a value"}`,
    ]);
  }
  if (mistake.keyword === "additionalProperties") {
    const known = Object.keys(schema?.properties ?? {}).join(", ");
    return mistake.params.additionalProperties.map((key) => [
      pathOf([...keys, key]),
      `there is no such key; write one of ${known}`,
    ]);
  }
  if (schema === undefined) return []; // Inside an unknown key, which is reported as such.
  return [[pathOf(keys), `${JSON.stringify(valueAt(raw, keys))} is not possible here; write ${schema.description}`]];
}

function schemaAt(keys: readonly string[]): Described | undefined {
  let at: Described | undefined = shape as Described;
  for (const key of keys) {
    const own: Described | undefined = Object.hasOwn(at?.properties ?? {}, key) ? at?.properties?.[key] : undefined;
    at = at?.items ?? own ?? Object.values(at?.patternProperties ?? {})[0];
  }
  return at;
}

/** `["vnfd", "0", "vdu"]` as people write it: `vnfd[0].vdu`. */
const pathOf = (keys: readonly string[]): string =>
  keys.map((key, i) => (/^\d+$/.test(key) ? `[${key}]` : `${i > 0 ? "." : ""}${key}`)).join("");

const valueAt = (value: unknown, keys: readonly string[]): unknown =>
  keys.reduce<unknown>((v, key) => (v as Raw | undefined)?.[key], value);
