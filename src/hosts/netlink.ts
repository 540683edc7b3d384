import { read } from "node:fs";
import koffi from "koffi";
import { checked, inNetns } from "./netns.ts";

/*
 * The kernel's process connector (connector.h, cn_proc.h, netlink.h), which Node has no call for: a netlink socket on
 * which every exit of a process is broadcast, about a millisecond before any file descriptor of that process is closed.
 *
 *   0                16                36     40    44         52    56     60
 *   +----------------+-----------------+------+-----+----------+-----+------+-----------+
 *   | nlmsghdr       | cn_msg          | what | cpu | time, ns | pid | tgid | exit code |
 *   |                | idx val seq ack |      |     |          |     |      |           |
 *   |                | len flags       |      |     |          |     |      |           |
 *   All numbers are in the machine's byte order (little-endian wherever we run). An acknowledgement has `what` = 0 and
 *   its error where an exit has its pid.
 */
const AT = { cnIdx: 16, cnVal: 20, cnAck: 28, cnLen: 32, what: 36, pid: 52, tgid: 56, exitCode: 60 } as const;
const WHAT = { acknowledge: 0, exit: 0x80000000 } as const;
const REQUEST_BYTES = 40;
const EXIT_BYTES = 64;
/** One read gives one message; the largest of cn_proc is under 100 bytes. */
const READ_BYTES = 512;

const AF_NETLINK = 16;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const NETLINK_CONNECTOR = 11;
const CN_IDX_PROC = 1;
const NLMSG_DONE = 3;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
/** Room for some 8,000 exits at once: the filter lets only watched ones in, so this is for a host that loses all VMs. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

export type ConnectorMessage =
  | { readonly kind: "exit"; readonly pid: number; readonly tgid: number; readonly exitCode: number }
  | { readonly kind: "acknowledge"; readonly to: number; readonly error: number };

/** Reads one message; null for what is none of ours. */
export function decodeConnector(bytes: Buffer): ConnectorMessage | null {
  if (bytes.length < EXIT_BYTES) return null;
  const what = bytes.readUInt32LE(AT.what);
  if (what === WHAT.acknowledge)
    return { kind: "acknowledge", to: bytes.readUInt32LE(AT.cnAck) - 1, error: bytes.readUInt32LE(AT.pid) };
  if (what !== WHAT.exit) return null;
  return {
    kind: "exit",
    pid: bytes.readUInt32LE(AT.pid),
    tgid: bytes.readUInt32LE(AT.tgid),
    exitCode: bytes.readUInt32LE(AT.exitCode),
  };
}

/** PROC_CN_MCAST_LISTEN (1) or PROC_CN_MCAST_IGNORE (2), with a number its acknowledgement repeats, plus one. */
export function encodeRequest(what: "listen" | "ignore", number: number): Buffer {
  const bytes = Buffer.alloc(REQUEST_BYTES);
  bytes.writeUInt32LE(REQUEST_BYTES, 0);
  bytes.writeUInt16LE(NLMSG_DONE, 4);
  bytes.writeUInt32LE(CN_IDX_PROC, AT.cnIdx);
  bytes.writeUInt32LE(CN_IDX_PROC, AT.cnVal);
  bytes.writeUInt32LE(number, AT.cnAck);
  bytes.writeUInt16LE(4, AT.cnLen);
  bytes.writeUInt32LE(what === "listen" ? 1 : 2, AT.what);
  return bytes;
}

/** More than so many watched processes, and the filter lets every exit in: the kernel takes 4,096 instructions at most. */
const FILTERED_MAX = 1_000;
/** Classic BPF: load a word, compare, give up or accept the packet. */
const BPF = { loadWord: 0x20, jumpIfEqual: 0x15, return: 0x06 } as const;
const ACCEPT = 0xffffffff;
const INSTRUCTION_BYTES = 8;

/**
 * A socket filter that lets in acknowledgements, and exits of threads of the given processes. Without it every process
 * that ends on this machine would wake us.
 */
export function exitFilter(tgids: readonly number[]): Buffer {
  const code: [op: number, ifTrue: number, ifFalse: number, k: number][] = [
    [BPF.loadWord, 0, 0, AT.what],
    [BPF.jumpIfEqual, 0, 1, swapped(WHAT.acknowledge)],
    [BPF.return, 0, 0, ACCEPT],
    [BPF.jumpIfEqual, 1, 0, swapped(WHAT.exit)],
    [BPF.return, 0, 0, 0],
  ];
  if (tgids.length > FILTERED_MAX) return assemble([...code, [BPF.return, 0, 0, ACCEPT]]);
  code.push([BPF.loadWord, 0, 0, AT.tgid]);
  for (const tgid of tgids) code.push([BPF.jumpIfEqual, 0, 1, swapped(tgid)], [BPF.return, 0, 0, ACCEPT]);
  return assemble([...code, [BPF.return, 0, 0, 0]]);
}

/** BPF loads words in network order; the messages are little-endian. */
function swapped(value: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.readUInt32BE();
}

function assemble(code: readonly (readonly [number, number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(code.length * INSTRUCTION_BYTES);
  for (const [i, [op, ifTrue, ifFalse, k]] of code.entries()) {
    const at = i * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(op, at);
    bytes.writeUInt8(ifTrue, at + 2);
    bytes.writeUInt8(ifFalse, at + 3);
    bytes.writeUInt32LE(k, at + 4);
  }
  return bytes;
}

function loadLibc() {
  const libc = koffi.load("libc.so.6");
  const program = koffi.struct({ length: "uint16_t", code: "void *" });
  return {
    socket: libc.func("socket", "int", ["int", "int", "int"]),
    bind: libc.func("bind", "int", ["int", "void *", "uint32_t"]),
    send: libc.func("send", "intptr_t", ["int", "void *", "size_t", "int"]),
    close: libc.func("close", "int", ["int"]),
    setNumber: libc.func("setsockopt", "int", ["int", "int", "int", koffi.pointer("int"), "uint32_t"]),
    setFilter: libc.func("setsockopt", "int", ["int", "int", "int", koffi.pointer(program), "uint32_t"]),
    programBytes: koffi.sizeof(program),
  };
}
let libc: ReturnType<typeof loadLibc> | undefined;

/** Who lives in the machine's first network namespace: the kernel's thread of threads; where there is none, the first process. */
const FIRST_NETNS = [2, 1].map((pid) => `/proc/${pid}/ns/net`);

/** The socket. Throws an Error naming the call and its errno where the kernel refuses. */
export class ConnectorSocket {
  readonly #libc: ReturnType<typeof loadLibc>;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(READ_BYTES);

  constructor() {
    libc ??= loadLibc();
    this.#libc = libc;
    // The kernel has its connector in its first namespace only (drivers/connector: `cn_init` uses init_net), and a socket stays where it was
    // opened: so a daemon in a namespace of its own hears of exits too.
    this.#fd = inNetns(FIRST_NETNS, () => checked(libc!.socket(AF_NETLINK, SOCK_DGRAM_CLOEXEC, NETLINK_CONNECTOR), "socket"));
    try {
      this.#join();
    } catch (e) {
      this.close();
      throw e;
    }
  }

  /** sockaddr_nl: family, padding, port 0 (the kernel chooses), groups. The filter comes first, or a storm would fill the buffer. */
  #join(): void {
    this.filter([]);
    checked(this.#libc.setNumber(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, [RECEIVE_BUFFER_BYTES], 4), "SO_RCVBUFFORCE");
    const address = Buffer.alloc(12);
    address.writeUInt16LE(AF_NETLINK, 0);
    address.writeUInt32LE(CN_IDX_PROC, 8);
    checked(this.#libc.bind(this.#fd, address, address.length), "bind");
  }

  filter(tgids: readonly number[]): void {
    const code = exitFilter(tgids);
    const program = { length: code.length / INSTRUCTION_BYTES, code };
    checked(this.#libc.setFilter(this.#fd, SOL_SOCKET, SO_ATTACH_FILTER, [program], this.#libc.programBytes), "SO_ATTACH_FILTER");
  }

  send(bytes: Buffer): void {
    checked(Number(this.#libc.send(this.#fd, bytes, bytes.length, 0)), "send");
  }

  /**
   * The next message. Takes a thread of Node's pool while it waits (one of four), as Node's event loop cannot poll a
   * netlink socket. Rejects with ENOBUFS where messages were lost.
   */
  receive(): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    read(this.#fd, this.#buffer, 0, READ_BYTES, null, (e, count) => (e ? reject(e) : resolve(this.#buffer.subarray(0, count))));
    return promise;
  }

  /** Only while nobody waits in `receive`: a blocked read would keep the socket alive. */
  close(): void {
    this.#libc.close(this.#fd);
  }
}
