import { readFileSync } from "node:fs";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { allowPlainHttp, auth, callbacks, manoAuth, manoCallbacks, tls } from "./config-access.ts";
import { retention } from "./config-retention.ts";
import { Fault } from "./lib/fault.ts";
import { isLoopback } from "./lib/loopback.ts";
import { rangesOf } from "./notify/callback-policy.ts";

// Every setting of both daemons. `description` is what an error message says is wanted.
const closed = { additionalProperties: false } as const;
const text = (description: string, more: object = {}) => Type.String({ minLength: 1, description, ...more });
/** 0 lets the system choose a free port, which tests and the lab use. */
const tcpPort = (byDefault: number) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: byDefault, description: "a TCP port, 0..65535" });
const host = text("the address to listen on, such as 127.0.0.1", { default: "127.0.0.1" });
const OVSDB = "^(unix:.+|tcp:.+:[0-9]+)$";
const IPV4 = "^([0-9]{1,3}\\.){3}[0-9]{1,3}$";
const libvirtSocket = text("the path of libvirtd's unix socket", { default: "/run/libvirt/libvirt-sock" });
/** A compute host where there are several. What is left out is as for the one host of this machine. */
const vimHost = Type.Object(
  {
    name: text("a name of its own, which stays the host's for ever"),
    libvirtSocket,
    runDir: text("a folder of its own for monitor sockets and console logs"),
    disksDir: Type.Optional(text("a folder of its own for its servers' disks; leave it out for one beside the store")),
    netns: Type.Optional(text("the network namespace of this hypervisor, where it is not config.vim.netns")),
    /** A bridge of its own (decision 0079). */
    ovsdb: Type.Optional(text("the database of this host's own switch, unix:PATH or tcp:HOST:PORT", { pattern: OVSDB })),
    bridge: Type.Optional(text("the bridge of this host's own switch, where it is not called as config.vim.bridge")),
    tunnelIp: Type.Optional(text("the IPv4 address by which the other hosts reach this one's switch", { pattern: IPV4 })),
    availabilityZone: Type.Optional(text("the zone it stands in")),
    memoryMiB: Type.Optional(Type.Integer({ minimum: 1, description: "MiB for guests; leave it out to have the host asked" })),
    cpus: Type.Optional(Type.Integer({ minimum: 1, description: "threads for guests; leave it out to have the host asked" })),
  },
  { ...closed, description: "an object with name, libvirtSocket, runDir" },
);
/** Taken when the daemon is ready and not before: its start is seconds of work that no guest should wait for (decision 0031). */
const realTimePriority = Type.Integer({
  minimum: 0,
  maximum: 99,
  default: 0,
  description: "a real-time priority (SCHED_FIFO), 1..99, or 0 for none",
});
const vlanId = Type.Integer({ minimum: 1, maximum: 4094, description: "a VLAN id, 1..4094" });

/** Files that images are made of (decision 0064). */
const images = Type.Object(
  {
    dir: Type.Optional(text("a folder of this VIM alone for downloaded images; leave it out for one beside the store")),
    folders: Type.Array(text("an absolute path", { pattern: "^/" }), {
      default: [],
      description: "a list of folders whose files may be images whoever may read them",
    }),
    mibMax: Type.Integer({
      minimum: 1,
      maximum: 2 ** 32,
      default: 65_536,
      description: "MiB that a download may have, 1..4294967296",
    }),
  },
  { ...closed, default: {}, description: "an object with dir, folders and mibMax" },
);

/** Who this VIM is to libvirt on other machines, and whose word it believes there (decision 0082). */
const libvirtTls = Type.Object(
  {
    caFile: text("the path of the authorities that hosts' certificates are believed by, in PEM"),
    certFile: text("the path of this VIM's certificate for libvirt, in PEM"),
    keyFile: text("the path of its key, in PEM"),
  },
  { ...closed, description: "an object with caFile, certFile and keyFile" },
);

const vim = Type.Object(
  {
    listen: Type.Object(
      {
        host,
        port: tcpPort(9080),
        /** Whoever reaches the administrator's port is the administrator, as in OpenVIM: loopback unless set otherwise. */
        adminHost: text("the address the administrator's port listens on", { default: "127.0.0.1" }),
        adminPort: tcpPort(9085),
        tls: Type.Optional(tls),
        allowPlainHttp,
      },
      { ...closed, default: {}, description: "an object with host, port, adminHost, adminPort, tls, allowPlainHttp" },
    ),
    openflow: Type.Object({ host, port: tcpPort(6653) }, { ...closed, default: {}, description: "an object with host and port" }),
    store: text("the path of the VIM's SQLite file"),
    /** "test": no host and no switch is contacted; servers are states in this process, as in OpenVIM's mode of that name. */
    mode: Type.Enum(["normal", "test"], { default: "normal", description: '"normal" or "test"' }),
    libvirtSocket,
    hosts: Type.Array(vimHost, { default: [], description: "a list of compute hosts; none: the one behind libvirtSocket" }),
    libvirtTls: Type.Optional(libvirtTls),
    /** libvirt's keepalive: how soon a host that says nothing is taken for unreachable. */
    heartbeat: Type.Object(
      {
        everyMs: Type.Integer({ minimum: 100, maximum: 60_000, default: 1_000, description: "milliseconds, 100..60000" }),
        asks: Type.Integer({ minimum: 1, maximum: 100, default: 5, description: "unanswered questions in a row, 1..100" }),
      },
      { ...closed, default: {}, description: "an object with everyMs and asks" },
    ),
    ovsdb: text("the switch's database, unix:PATH or tcp:HOST:PORT", {
      pattern: OVSDB,
      default: "unix:/run/openvswitch/db.sock",
    }),
    bridge: text("the name of the switch bridge that data nets live on"),
    /** Each is a way out of this machine for whoever is on such a network, so there is none unless it is named here (decision 0109). */
    linkBridges: Type.Array(text("the name of a Linux bridge, at most 15 characters", { pattern: "^[^\\s/,;]{1,15}$" }), {
      default: [],
      description: "a list of bridges that networks may lead out to",
    }),
    tunnelIp: Type.Optional(
      text("the IPv4 address by which hosts with switches of their own reach this switch", { pattern: IPV4 }),
    ),
    runDir: text("a folder for monitor sockets and console logs"),
    disksDir: Type.Optional(text("a folder for the disks of servers; leave it out for one beside the store")),
    images,
    netns: Type.Optional(text("the network namespace of the switch and the hypervisor, where it is not this process's own")),
    realTimePriority,
    accel: Type.Optional(Type.Enum(["kvm", "tcg"], { description: '"kvm" or "tcg"; leave it out to have it found out' })),
    vlanRange: Type.Object(
      { first: { ...vlanId, default: 3000 }, last: { ...vlanId, default: 4094 } },
      { ...closed, default: {}, description: "an object with first and last" },
    ),
    callbacks,
    auth,
  },
  { ...closed, description: "an object" },
);

const vimAccount = Type.Object(
  {
    id: Type.Optional(text("a uuid of your choice")),
    name: text("a name"),
    url: text("the VIM's API, such as http://127.0.0.1:9080/openvim", { pattern: "^https?://" }),
    adminUrl: text("the VIM's administrator API, such as http://127.0.0.1:9085/openvim", { pattern: "^https?://" }),
    tenant: text("the name or uuid of a tenant in that VIM", { default: "default" }),
    tokenFile: Type.Optional(text("the path of a file with an administrator's token of that VIM")),
    caFile: Type.Optional(text("the path of the authorities that its certificate is believed by, in PEM")),
    certFile: Type.Optional(text("the path of our own certificate, where that VIM wants one, in PEM")),
    keyFile: Type.Optional(text("the path of its key, in PEM")),
  },
  { ...closed, description: "an object with name, url, adminUrl" },
);

const vimLink = Type.Object(
  {
    ends: Type.Array(
      Type.Object(
        {
          vim: text("the name of a VIM account"),
          switchPort: text("the port of that VIM's switch that the link is plugged into"),
        },
        { ...closed, description: "an object with vim and switchPort" },
      ),
      { minItems: 2, maxItems: 2, description: "a list of two ends" },
    ),
    vlans: Type.Object(
      { first: vlanId, last: vlanId },
      { ...closed, description: "an object with first and last: the VLANs of the link that nobody else uses" },
    ),
  },
  { ...closed, description: "an object with ends and vlans" },
);

/** What is on-boarded, and where it is kept. */
const packages = Type.Object(
  {
    dir: Type.Optional(text("the folder that packages are kept in, of this MANO alone; left out: beside the store")),
    mibMax: Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      default: 10_240,
      description: "MiB that a package may have, 1..1048576",
    }),
    allow: Type.Array(text("a range of addresses such as 10.0.0.0/8"), {
      default: [],
      description: "ranges of addresses that packages may be downloaded from; none: everywhere but where no server is",
    }),
    imageRoot: Type.Optional(
      text("the URL that VIMs reach the MANO by; left out: listen.apiRoot, or where it listens", {
        pattern: "^https?://[^/?#\\s]+[^?#\\s]*$",
      }),
    ),
  },
  { ...closed, default: {}, description: "an object with dir, mibMax, allow and imageRoot" },
);

/** For what is told to clients: behind a proxy they reach the MANO by another address than that which it listens on. */
const apiRoot = Type.Optional(
  text("the URL that clients reach the MANO by, such as https://mano.example.com", { pattern: "^https?://[^/?#\\s]+[^?#\\s]*$" }),
);

const mano = Type.Object(
  {
    listen: Type.Object(
      { host, port: tcpPort(9090), tls: Type.Optional(tls), allowPlainHttp, apiRoot },
      { ...closed, default: {}, description: "an object with host, port, tls, allowPlainHttp, apiRoot" },
    ),
    auth: manoAuth,
    callbacks: manoCallbacks,
    /** Where OpenMANO's clients come; left out: on the port of `listen`, below /openmano. */
    openmano: Type.Optional(
      Type.Object(
        { host, port: tcpPort(9091) },
        { ...closed, description: "an object with host and port; TLS is that of listen" },
      ),
    ),
    store: text("the path of the MANO's SQLite file"),
    packages,
    listPageSize: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 100,
      description: "members of a page of a list, 1..10000",
    }),
    performance: Type.Object(
      {
        /** Between two looks at what thresholds are about; jobs have periods of their own. */
        thresholdSeconds: Type.Integer({ minimum: 1, maximum: 1_024, default: 10, description: "seconds, 1..1024" }),
      },
      { ...closed, default: {}, description: "an object" },
    ),
    retention,
    mode: Type.Enum(["push", "poll"], { default: "push", description: '"push" or "poll"' }),
    pollIntervalMs: Type.Integer({ minimum: 100, maximum: 300_000, default: 1_000, description: "milliseconds, 100..300000" }),
    /** How long a service that runs may take until it can fail over; then its instantiation is FAILED_TEMP. */
    readyWithinMs: Type.Integer({ minimum: 100, maximum: 3_600_000, default: 60_000, description: "milliseconds, 100..3600000" }),
    realTimePriority,
    vims: Type.Array(vimAccount, { default: [], description: "a list of VIM accounts" }),
    links: Type.Array(vimLink, { default: [], description: "a list of links between the switches of two VIMs" }),
  },
  { ...closed, description: "an object" },
);

const config = Type.Object(
  { vim: Type.Optional(vim), mano: Type.Optional(mano) },
  { ...closed, description: "an object with vim, mano or both" },
);

export type VimConfig = Static<typeof vim>;
export type ManoConfig = Static<typeof mano>;
/** Settings of the daemons that run in this process: the VIM, the MANO, or both. */
export type Config = Static<typeof config>;

/** Reads and checks the one settings file. Throws CONFIG with every mistake in it at once. */
export function readConfig(path: string): Config {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(path, "utf8"));
  } catch (e) {
    throw new Fault(
      "CONFIG",
      `${path} cannot be read as JSON: ${e instanceof Error ? e.message : String(e)}`,
      { path },
      { cause: e },
    );
  }
  return parseConfig(raw);
}

/** Fills in defaults and checks. Unknown keys are refused: a misspelt setting must not silently mean the default. */
export function parseConfig(raw: unknown): Config {
  const value = Value.Default(config, withoutNeeds(Value.Clone(raw)));
  const mistakes = mistakesIn(value);
  if (mistakes.length > 0) throw new Fault("CONFIG", mistakes.join("; "));
  const parsed = value as Config;
  const range = parsed.vim?.vlanRange;
  if (range && range.first > range.last) {
    throw new Fault("CONFIG", `config.vim.vlanRange: want first <= last, got ${range.first} > ${range.last}`);
  }
  checkListeners(parsed);
  if (parsed.vim) checkOverlay(parsed.vim);
  checkRanges("config.vim.callbacks.allow", parsed.vim?.callbacks.allow ?? []);
  checkRanges("config.mano.callbacks.allow", parsed.mano?.callbacks.allow ?? []);
  for (const [i, link] of (parsed.mano?.links ?? []).entries()) checkLink(link, `config.mano.links.${i}`);
  for (const key of ["name", "libvirtSocket", "runDir", "disksDir"] as const) checkHostsDiffer(parsed.vim?.hosts ?? [], key);
  return parsed;
}

/** In test mode nothing is plugged in and no monitor listens: what says where to need not be told. */
function withoutNeeds(raw: unknown): unknown {
  const asked = (raw as { vim?: { mode?: unknown } } | null)?.vim;
  return asked?.mode === "test" ? { ...(raw as object), vim: { bridge: "none", runDir: "/nonexistent", ...asked } } : raw;
}

/** A token that anybody on the way can read protects nothing. */
function checkListeners({ vim, mano }: Config): void {
  for (const [daemon, listen, hosts] of [
    ["vim", vim?.listen, ["host", "adminHost"] as const],
    ["mano", mano?.listen, ["host"] as const],
    ["mano", mano?.openmano && { ...mano.listen, host: mano.openmano.host }, ["host"] as const],
  ] as const) {
    if (listen === undefined || listen.tls !== undefined || listen.allowPlainHttp) continue;
    for (const key of hosts) {
      const at = (listen as Record<string, unknown>)[key] as string;
      if (isLoopback(at)) continue;
      throw new Fault(
        "CONFIG",
        `config.${daemon}.listen.tls: want a certificate and key, since ${key} ${at} is beyond loopback; or set allowPlainHttp, and everybody on the way can read and use the tokens (docs/how-to/secure-the-daemons.md)`,
      );
    }
  }
  for (const [i, { certFile, keyFile }] of (mano?.vims ?? []).entries())
    if ((certFile === undefined) !== (keyFile === undefined))
      throw new Fault("CONFIG", `config.mano.vims.${i}: want certFile and keyFile together, or neither`);
}

function checkRanges(setting: string, ranges: readonly string[]): void {
  for (const [i, range] of ranges.entries()) {
    try {
      rangesOf([range]);
    } catch (e) {
      throw new Fault("CONFIG", `${setting}.${i}: ${(e as Error).message}`, {}, { cause: e });
    }
  }
}

function checkLink({ ends: [a, b], vlans }: ManoConfig["links"][number], at: string): void {
  if (a?.vim === b?.vim) throw new Fault("CONFIG", `${at}.ends: want two VIMs, got ${a?.vim} twice`);
  if (vlans.first > vlans.last) throw new Fault("CONFIG", `${at}.vlans: want first <= last, got ${vlans.first} > ${vlans.last}`);
}

/** Between bridges there are tunnels, which have two ends. */
function checkOverlay({ hosts, ovsdb, tunnelIp }: VimConfig): void {
  const own = hosts.flatMap((host, i) => (host.ovsdb === undefined ? [] : [{ host, at: `config.vim.hosts.${i}` }]));
  if (own.length === 0) return;
  const ends = [
    { address: tunnelIp, of: ovsdb, at: "config.vim" },
    ...own.map(({ host, at }) => ({ address: host.tunnelIp, of: host.ovsdb, at })),
  ];
  for (const [i, { address, of, at }] of ends.entries()) {
    if (address === undefined)
      throw new Fault("CONFIG", `${at}.tunnelIp: want an IPv4 address, since a host has a switch of its own: tunnels lead there`);
    const [sameIp, sameSwitch] = [ends.findIndex((e) => e.address === address), ends.findIndex((e) => e.of === of)];
    if (sameIp < i)
      throw new Fault("CONFIG", `${at}.tunnelIp: want one of its own, got ${address}, which is that of ${ends[sameIp]!.at}`);
    if (sameSwitch < i)
      throw new Fault(
        "CONFIG",
        `${at}.ovsdb: want a switch of its own, got ${of}, which is that of ${ends[sameSwitch]!.at}; or leave it out`,
      );
  }
}

function checkHostsDiffer(hosts: VimConfig["hosts"], key: "name" | "libvirtSocket" | "runDir" | "disksDir"): void {
  for (const [i, host] of hosts.entries()) {
    const first = host[key] === undefined ? i : hosts.findIndex((h) => h[key] === host[key]);
    if (first < i)
      throw new Fault(
        "CONFIG",
        `config.vim.hosts.${i}.${key}: want one of its own, got ${host[key]}, which is that of hosts.${first}`,
      );
  }
}

/** Each mistake once: the path, what is wanted, what was got. */
function mistakesIn(value: unknown): string[] {
  const mistakes = new Map<string, string>();
  for (const error of Value.Errors(config, value)) {
    for (const [path, sentence] of sentencesOf(error, value)) if (!mistakes.has(path)) mistakes.set(path, sentence);
  }
  return [...mistakes.values()];
}

type SchemaError = ReturnType<typeof Value.Errors>[number];

function sentencesOf(error: SchemaError, value: unknown): [string, string][] {
  const at = `config${error.instancePath.replaceAll("/", ".")}`;
  const schema = schemaAt(error.instancePath);
  if (error.keyword === "required") {
    return error.params.requiredProperties.map((key) => {
      const wanted = schemaAt(`${error.instancePath}/${key}`)?.description ?? "a value";
      return [`${at}.${key}`, `${at}.${key}: want ${wanted}, got nothing`];
    });
  }
  if (error.keyword === "additionalProperties") {
    const known = Object.keys(schema?.properties ?? {}).join(", ");
    return error.params.additionalProperties.map((key) => [`${at}.${key}`, `${at}.${key}: no such setting; there are ${known}`]);
  }
  if (schema === undefined) return []; // Inside an unknown key, which is reported as such.
  return [[at, `${at}: want ${schema.description}, got ${JSON.stringify(valueAt(value, error.instancePath))}`]];
}

type Described = TSchema & { properties?: Record<string, Described>; items?: Described; description?: string };

function schemaAt(pointer: string): Described | undefined {
  let schema: Described | undefined = config as Described;
  for (const key of pointer.split("/").slice(1)) schema = schema?.items ?? schema?.properties?.[key];
  return schema;
}

const valueAt = (value: unknown, pointer: string): unknown =>
  pointer
    .split("/")
    .slice(1)
    .reduce<unknown>((v, key) => (v as Record<string, unknown> | undefined)?.[key], value);
