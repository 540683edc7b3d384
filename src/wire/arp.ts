// ARP over Ethernet for IPv4 (RFC 826). No I/O.
//
//   0        6        12     14                                   22         28       32         38       42
//   +--------+--------+------+------------------------------------+----------+--------+----------+--------+
//   | dst    | src    | 0806 | 0001 0800 06 04 operation          | sender   | sender | target   | target |
//   |        |        |      | (Ethernet, IPv4, lengths)          | MAC      | IP     | MAC      | IP     |

const FRAME_BYTES = 42;
/** An Ethernet frame without its check sequence is not shorter than this (IEEE 802.3, 4A.2.3.2.4). */
const FRAME_BYTES_MIN = 60;
const ETHERTYPE_ARP = 0x0806;
const FIXED = [0x00, 0x01, 0x08, 0x00, 0x06, 0x04] as const;
const REQUEST = 1;
const REPLY = 2;
const EVERYBODY = "ff:ff:ff:ff:ff:ff";
const NOBODY = "0.0.0.0";

/**
 * An ARP probe: a request whose sender address is 0.0.0.0, so that nobody learns an address from it (RFC 5227, 1.1 and
 * 2.1.1). `from` is the MAC that the answer goes to. With `fromIp` it is an ordinary request, from which the one who is asked
 * learns who `fromIp` is (RFC 826, packet reception), and so can answer IP packets from there.
 */
export function arpProbe(from: string, ip: string, fromIp: string = NOBODY): Uint8Array {
  return arp(EVERYBODY, REQUEST, { mac: from, ip: fromIp }, { mac: "00:00:00:00:00:00", ip });
}

/** Tells `to` that `from.ip` is at `from.mac`. */
export const arpReply = (from: Address, to: Address): Uint8Array => arp(to.mac, REPLY, from, to);

export interface Address {
  readonly mac: string;
  readonly ip: string;
}

export interface ArpMessage {
  readonly is: "request" | "reply";
  readonly from: Address;
  readonly toIp: string;
}

/** The ARP message in this frame; null when it is anything but an untagged one for IPv4 over Ethernet. */
export function arpIn(frame: Uint8Array): ArpMessage | null {
  if (frame.length < FRAME_BYTES || u16(frame, 12) !== ETHERTYPE_ARP) return null;
  for (let i = 0; i < FIXED.length; i++) if (frame[14 + i] !== FIXED[i]) return null;
  const operation = u16(frame, 20);
  if (operation !== REQUEST && operation !== REPLY) return null;
  return {
    is: operation === REQUEST ? "request" : "reply",
    from: { mac: macAt(frame, 22), ip: ipAt(frame, 28) },
    toIp: ipAt(frame, 38),
  };
}

function arp(dst: string, operation: number, from: Address, to: Address): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES_MIN);
  frame.set(macBytes(dst), 0);
  frame.set(macBytes(from.mac), 6);
  frame.set([ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff, ...FIXED, 0, operation], 12);
  frame.set(macBytes(from.mac), 22);
  frame.set(ipBytes(from.ip), 28);
  frame.set(macBytes(to.mac), 32);
  frame.set(ipBytes(to.ip), 38);
  return frame;
}

const HEX = Array.from({ length: 256 }, (_, b) => b.toString(16).padStart(2, "0"));

export const u16 = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
export const macBytes = (mac: string): number[] => mac.split(":").map((part) => Number.parseInt(part, 16));
export const ipBytes = (ip: string): number[] => ip.split(".").map(Number);
// Written out: these two run for every frame that comes in.
export const ipAt = (b: Uint8Array, at: number): string => `${b[at]}.${b[at + 1]}.${b[at + 2]}.${b[at + 3]}`;
export const macAt = (b: Uint8Array, at: number): string =>
  `${HEX[b[at]!]}:${HEX[b[at + 1]!]}:${HEX[b[at + 2]!]}:${HEX[b[at + 3]!]}:${HEX[b[at + 4]!]}:${HEX[b[at + 5]!]}`;
