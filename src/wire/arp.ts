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
const REPLY = 2;

/**
 * An ARP probe: a request whose sender address is 0.0.0.0, so that nobody learns an address from it (RFC 5227, 1.1 and
 * 2.1.1). `from` is the MAC that the answer goes to.
 */
export function arpProbe(from: string, ip: string): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES_MIN);
  frame.fill(0xff, 0, 6);
  frame.set(macBytes(from), 6);
  frame.set([ETHERTYPE_ARP >> 8, ETHERTYPE_ARP & 0xff, ...FIXED, 0, 1], 12);
  frame.set(macBytes(from), 22);
  frame.set(ipBytes(ip), 38);
  return frame;
}

export interface ArpReply {
  readonly mac: string;
  readonly ip: string;
}

/** Who answers in this frame; null when it is anything but an untagged ARP reply. */
export function arpReplyIn(frame: Uint8Array): ArpReply | null {
  if (frame.length < FRAME_BYTES) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint16(12) !== ETHERTYPE_ARP || view.getUint16(20) !== REPLY) return null;
  if (FIXED.some((byte, i) => frame[14 + i] !== byte)) return null;
  return {
    mac: [...frame.subarray(22, 28)].map((b) => b.toString(16).padStart(2, "0")).join(":"),
    ip: frame.subarray(28, 32).join("."),
  };
}

const macBytes = (mac: string): number[] => mac.split(":").map((part) => Number.parseInt(part, 16));
const ipBytes = (ip: string): number[] => ip.split(".").map(Number);
