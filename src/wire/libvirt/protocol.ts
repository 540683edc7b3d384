import { type AnyField, charArray, i32, list, optional, struct, text, typedParam, u32, u64, uuid, type ValueOf } from "./xdr.ts";

/*
 * libvirt's remote protocol as tables: the procedures we use, their arguments and replies, and what libvirt's numbers
 * mean. Source: src/remote/remote_protocol.x and include/libvirt/libvirt-domain.h of libvirt 9.0.0. The protocol calls
 * itself internal, but in practice only grows: numbers are never reused.
 */

/** VIR_UUID-identified handle of a domain. libvirt looks at the UUID; the id is -1 where the domain is off. */
const domain = struct({ name: text, uuid, id: i32 });
export type DomainRef = ValueOf<typeof domain>;

const nothing = struct({});
const onDomain = struct({ domain });
const onDomainFlags = struct({ domain, flags: u32 });
const givesDomain = struct({ domain });

/** REMOTE_DOMAIN_LIST_MAX and REMOTE_AUTH_TYPE_LIST_MAX. */
const DOMAINS_MAX = 16_384;
const AUTH_TYPES_MAX = 20;
/** REMOTE_NODE_DEVICE_LIST_MAX. */
const NODE_DEVICES_MAX = 65_536;
/** REMOTE_DOMAIN_JOB_STATS_MAX. */
const JOB_PARAMS_MAX = 64;

/** More than a domain has in the groups that we ask for; REMOTE_CONNECT_GET_ALL_DOMAIN_STATS_MAX is larger. */
const STATS_PARAMS_MAX = 4_096;

/** virDomainJobInfo: what a job has done, in bytes. A backup counts in `file…`. */
const jobInfo = struct({
  ...{ type: i32, elapsedMs: u64, remainingMs: u64, dataTotal: u64, dataDone: u64, dataLeft: u64 },
  ...{ memoryTotal: u64, memoryDone: u64, memoryLeft: u64, fileTotal: u64, fileDone: u64, fileLeft: u64 },
});

/** REMOTE_PROC_*: number, arguments, reply. */
export const PROCEDURES = {
  connectOpen: { number: 1, args: struct({ uri: optional(text), flags: u32 }), reply: nothing },
  connectClose: { number: 2, args: nothing, reply: nothing },
  nodeInfo: {
    number: 6,
    args: nothing,
    reply: struct({
      model: charArray(32),
      memoryKiB: u64,
      cpus: i32,
      mhz: i32,
      numaCells: i32,
      sockets: i32,
      cores: i32,
      threads: i32,
    }),
  },
  capabilities: { number: 7, args: nothing, reply: struct({ xml: text }) },
  domainXml: { number: 14, args: onDomainFlags, reply: struct({ xml: text }) },
  /** `cpuNs`: of its QEMU, since it began. On the wire all that is shorter than an int is one. */
  domainInfo: {
    number: 16,
    args: onDomain,
    reply: struct({ state: u32, maxMemoryKiB: u64, memoryKiB: u64, vcpus: u32, cpuNs: u64 }),
  },
  lookupByName: { number: 23, args: struct({ name: text }), reply: givesDomain },
  lookupByUuid: { number: 24, args: struct({ uuid }), reply: givesDomain },
  reboot: { number: 27, args: onDomainFlags, reply: nothing },
  resume: { number: 28, args: onDomain, reply: nothing },
  suspend: { number: 34, args: onDomain, reply: nothing },
  supportsFeature: { number: 60, args: struct({ feature: i32 }), reply: struct({ supported: i32 }) },
  authList: { number: 66, args: nothing, reply: struct({ types: list(i32, AUTH_TYPES_MAX) }) },
  nodeFreeMemory: { number: 102, args: nothing, reply: struct({ bytes: u64 }) },
  nodeDeviceXml: { number: 114, args: struct({ name: text, flags: u32 }), reply: struct({ xml: text }) },
  libVersion: { number: 157, args: nothing, reply: struct({ version: u64 }) },
  jobInfo: { number: 163, args: onDomain, reply: jobInfo },
  abortJob: { number: 164, args: onDomain, reply: nothing },
  create: { number: 196, args: onDomainFlags, reply: givesDomain },
  openConsole: { number: 201, args: struct({ domain, device: optional(text), flags: u32 }), reply: nothing },
  state: { number: 212, args: onDomainFlags, reply: struct({ state: i32, reason: i32 }) },
  undefine: { number: 231, args: onDomainFlags, reply: nothing },
  destroy: { number: 234, args: onDomainFlags, reply: nothing },
  shutdown: { number: 258, args: onDomainFlags, reply: nothing },
  listDomains: {
    number: 273,
    args: struct({ needResults: i32, flags: u32 }),
    reply: struct({ domains: list(domain, DOMAINS_MAX), count: u32 }),
  },
  listNodeDevices: {
    number: 285,
    args: struct({ needResults: i32, flags: u32 }),
    reply: struct({ devices: list(struct({ name: text }), NODE_DEVICES_MAX), count: u32 }),
  },
  jobStats: { number: 298, args: onDomainFlags, reply: struct({ type: i32, params: list(typedParam, JOB_PARAMS_MAX) }) },
  registerEvent: { number: 316, args: struct({ eventId: i32, domain: optional(domain) }), reply: struct({ callbackId: i32 }) },
  domainStats: {
    number: 344,
    args: struct({ domains: list(domain, DOMAINS_MAX), stats: u32, flags: u32 }),
    reply: struct({ records: list(struct({ domain, params: list(typedParam, STATS_PARAMS_MAX) }), DOMAINS_MAX) }),
  },
  define: { number: 350, args: struct({ xml: text, flags: u32 }), reply: givesDomain },
  beginBackup: {
    number: 421,
    args: struct({ domain, backupXml: text, checkpointXml: optional(text), flags: u32 }),
    reply: nothing,
  },
  backupXml: { number: 422, args: onDomainFlags, reply: struct({ xml: text }) },
} as const satisfies Record<string, { number: number; args: AnyField; reply: AnyField }>;

export type Procedure = keyof typeof PROCEDURES;
export type Args<P extends Procedure> = ValueOf<(typeof PROCEDURES)[P]["args"]>;
export type Reply<P extends Procedure> = ValueOf<(typeof PROCEDURES)[P]["reply"]>;

/** Messages nobody asked for, by procedure number. Their serial means nothing (1 on libvirt 9, 0 by the text). */
export const EVENTS = {
  lifecycle: { number: 318, body: struct({ callbackId: i32, domain, event: i32, detail: i32 }) },
  reboot: { number: 319, body: struct({ callbackId: i32, domain }) },
  /** `reason` is empty where QEMU gives none; `alias` is of the device in libvirt's XML. */
  ioError: { number: 324, body: struct({ callbackId: i32, domain, file: text, alias: text, action: i32, reason: text }) },
} as const satisfies Record<string, { number: number; body: AnyField }>;

/** `remote_error`: what stands in a reply whose status is ERROR. */
export const errorBody = struct({
  code: i32,
  domain: i32,
  message: optional(text),
  level: i32,
  dom: optional(domain),
  str1: optional(text),
  str2: optional(text),
  str3: optional(text),
  int1: i32,
  int2: i32,
  net: optional(struct({ name: text, uuid })),
});
export type RemoteError = ValueOf<typeof errorBody>;

/** virErrorNumber, those we tell apart. */
export const ERROR = { noDomain: 42, noSupport: 3, noNodeDevice: 53, operationInvalid: 55, noDomainBackup: 104 } as const;
/** virDomainJobType. */
export const JOB = { none: 0, completed: 3 } as const;
/** remote_auth_type. */
export const AUTH_NONE = 0;
/** virDrvFeature: declares that this client answers keepalive PINGs (virnetprotocol.x, virkeepaliveprotocol.x). */
export const FEATURE_KEEPALIVE = 10;
/** virDomainEventID. */
export const EVENT_LIFECYCLE = 0;
export const EVENT_REBOOT = 1;
export const EVENT_IO_ERROR_REASON = 6;
/** virDomainStatsTypes. Of a domain that has no balloon device `balloon.…` are the kernel's words, and QEMU is not asked: for `cpu.…` it is. */
export const STATS = { balloon: 4 } as const;
/** virDomainGetJobStatsFlags, virDomainDefineFlags, virDomainCreateFlags, virConnectListAllDomainsFlags, virDomainUndefineFlagsValues, virDomainXMLFlags, virConnectListAllNodeDeviceFlags, virDomainConsoleFlags, virConnectGetAllDomainStatsFlags. */
export const FLAGS = {
  defineValidate: 1,
  startPaused: 1,
  listActiveAndInactive: 3,
  undefineAll: 1 | 2 | 4,
  xmlInactive: 2,
  completedJob: 1,
  listPciAndNetDevices: 2 | 16,
  consoleForce: 1,
  statsNoWait: 2 ** 29,
} as const;

/** virDomainState, by number. */
export const STATES = ["nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended"] as const;
export type DomainState = (typeof STATES)[number];

/** virDomainEventType, by number. */
export const LIFECYCLE = [
  "defined",
  "undefined",
  "started",
  "suspended",
  "resumed",
  "stopped",
  "shutdown",
  "pmsuspended",
  "crashed",
] as const;
export type LifecycleEvent = (typeof LIFECYCLE)[number];

/** virDomainEventSuspendedDetailType, by number. `I/O error`: its disk could not be read or written. */
export const SUSPENDED = ["paused", "migrated", "I/O error", "watchdog", "restored", "from snapshot", "API error"] as const;

/** virDomainEventStoppedDetailType, by number. `failed` is what a QEMU gives that was killed by a signal. */
export const STOPPED = ["shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from snapshot"] as const;
