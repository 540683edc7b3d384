// ICMP echo (RFC 792), UDP (RFC 768) and the segments of TCP (RFC 9293) that open a connection and end it, in IPv4 (RFC 791) over Ethernet (RFC 894), without options and fragments. No I/O.
//
//   0     6     12     14       16       18   20      22    23         24         26       30      34
//   +-----+-----+------+--------+--------+----+-------+-----+----------+----------+--------+-------+
//   | dst | src | 0800 | 45 00  | length | id | flags | TTL | protocol | checksum | from   | to    | ICMP, UDP or TCP
//
//   ICMP echo: type, code, checksum, identifier, sequence     UDP: source port, target port, length, checksum
//   TCP: source port, target port, sequence (4), acknowledgement (4), 50, flags (1), window, checksum, urgent pointer

import { type Address, ipAt, ipBytes, macAt, macBytes, u16 } from "./arp.ts";

export interface Ends {
  readonly from: Address;
  readonly to: Address;
}

const IP_AT = 14;
const IP_HEADER_BYTES = 20;
const BODY_AT = IP_AT + IP_HEADER_BYTES;
const HEADER_BYTES = 8;
const ETHERTYPE_IPV4 = 0x0800;
/** An Ethernet frame without its check sequence is not shorter than this (IEEE 802.3, 4A.2.3.2.4). */
const FRAME_BYTES_MIN = 60;
const TTL = 64;
const ICMP = 1;
const UDP = 17;
const TCP = 6;
const TCP_HEADER_BYTES = 20;
/** The bits of a segment's flags. */
const [SYN, RST, ACK] = [0x02, 0x04, 0x10] as const;
/** Never used: nothing is sent to us. */
const WINDOW = 1_024;
const ECHO = 8;
const ECHO_REPLY = 0;

/** An ICMP echo request without data. `id` tells the asker's own echoes from others', `sequence` one request from the next. */
export function icmpEcho(ends: Ends, id: number, sequence: number): Uint8Array {
  const frame = packet(ends, ICMP, HEADER_BYTES);
  frame[BODY_AT] = ECHO;
  putU16(frame, BODY_AT + 4, id);
  putU16(frame, BODY_AT + 6, sequence);
  putU16(frame, BODY_AT + 2, checksum(frame, BODY_AT, HEADER_BYTES));
  return frame;
}

/** A UDP datagram. */
export function udpDatagram(ends: Ends, fromPort: number, toPort: number, payload: Uint8Array): Uint8Array {
  const length = HEADER_BYTES + payload.length;
  const frame = packet(ends, UDP, length);
  putU16(frame, BODY_AT, fromPort);
  putU16(frame, BODY_AT + 2, toPort);
  putU16(frame, BODY_AT + 4, length);
  frame.set(payload, BODY_AT + HEADER_BYTES);
  // The pseudo header: both addresses stand just before the body; protocol and length are added.
  const sum = checksum(frame, BODY_AT - 8, length + 8, UDP + length);
  putU16(frame, BODY_AT + 6, sum === 0 ? 0xffff : sum); // 0 would say that there is none.
  return frame;
}

/** Asks for a connection: a SYN with this sequence number. */
export const tcpSyn = (ends: Ends, fromPort: number, toPort: number, sequence: number): Uint8Array =>
  segment(ends, fromPort, toPort, sequence, SYN);

/** Ends a connection that the other side has begun to open: an RST with the sequence number that it expects next (RFC 9293, 3.10.7.4). */
export const tcpReset = (ends: Ends, fromPort: number, toPort: number, sequence: number): Uint8Array =>
  segment(ends, fromPort, toPort, sequence, RST);

function segment(ends: Ends, fromPort: number, toPort: number, sequence: number, flags: number): Uint8Array {
  const frame = packet(ends, TCP, TCP_HEADER_BYTES);
  putU16(frame, BODY_AT, fromPort);
  putU16(frame, BODY_AT + 2, toPort);
  putU16(frame, BODY_AT + 4, sequence >>> 16);
  putU16(frame, BODY_AT + 6, sequence & 0xffff);
  frame[BODY_AT + 12] = (TCP_HEADER_BYTES / 4) << 4;
  frame[BODY_AT + 13] = flags;
  putU16(frame, BODY_AT + 14, WINDOW);
  putU16(frame, BODY_AT + 16, checksum(frame, BODY_AT - 8, TCP_HEADER_BYTES + 8, TCP + TCP_HEADER_BYTES));
  return frame;
}

export type IpAnswer =
  | { readonly kind: "icmp"; readonly ip: string; readonly id: number; readonly sequence: number }
  | { readonly kind: "udp"; readonly ip: string; readonly fromPort: number; readonly toPort: number }
  /** `accepts`: a SYN/ACK, else it is an RST. `acknowledges`: the sequence number that it expects next. */
  | {
      readonly kind: "tcp";
      readonly from: Address;
      readonly fromPort: number;
      readonly toPort: number;
      readonly accepts: boolean;
      readonly acknowledges: number;
    };

/**
 * The echo reply, the datagram, or the answer to a SYN in this frame; null when it is anything else, or a fragment. Checksums are not verified: a guest whose
 * vNIC offloads them leaves them unfinished on a virtual wire.
 */
export function ipAnswerIn(frame: Uint8Array): IpAnswer | null {
  if (frame.length < BODY_AT + HEADER_BYTES || u16(frame, 12) !== ETHERTYPE_IPV4) return null;
  const bodyAt = IP_AT + (frame[IP_AT]! & 0x0f) * 4;
  const isWhole = (u16(frame, 20) & 0x3fff) === 0; // Neither "more fragments" nor an offset.
  if (frame[IP_AT]! >> 4 !== 4 || bodyAt < BODY_AT || frame.length < bodyAt + HEADER_BYTES || !isWhole) return null;
  const ip = ipAt(frame, 26);
  if (frame[23] === UDP) return { kind: "udp", ip, fromPort: u16(frame, bodyAt), toPort: u16(frame, bodyAt + 2) };
  if (frame[23] === TCP) return tcpAnswerIn(frame, bodyAt, ip);
  if (frame[23] !== ICMP || frame[bodyAt] !== ECHO_REPLY) return null;
  return { kind: "icmp", ip, id: u16(frame, bodyAt + 4), sequence: u16(frame, bodyAt + 6) };
}

function tcpAnswerIn(frame: Uint8Array, at: number, ip: string): IpAnswer | null {
  if (frame.length < at + TCP_HEADER_BYTES) return null;
  const flags = frame[at + 13]! & (SYN | RST | ACK);
  if (flags !== (SYN | ACK) && flags !== (RST | ACK)) return null;
  const acknowledges = u16(frame, at + 8) * 0x10000 + u16(frame, at + 10);
  const [fromPort, toPort] = [u16(frame, at), u16(frame, at + 2)];
  return { kind: "tcp", from: { mac: macAt(frame, 6), ip }, fromPort, toPort, accepts: flags === (SYN | ACK), acknowledges };
}

/** The Internet checksum (RFC 1071) of `length` bytes, and of `more` beside them. */
export function checksum(bytes: Uint8Array, at: number, length: number, more = 0): number {
  let sum = more;
  for (let i = 0; i + 1 < length; i += 2) sum += u16(bytes, at + i);
  if (length % 2 === 1) sum += bytes[at + length - 1]! << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function packet({ from, to }: Ends, protocol: number, bodyBytes: number): Uint8Array {
  const frame = new Uint8Array(Math.max(FRAME_BYTES_MIN, BODY_AT + bodyBytes));
  frame.set(macBytes(to.mac), 0);
  frame.set(macBytes(from.mac), 6);
  putU16(frame, 12, ETHERTYPE_IPV4);
  frame[IP_AT] = 0x45;
  putU16(frame, 16, IP_HEADER_BYTES + bodyBytes);
  putU16(frame, 20, 0x4000); // Don't fragment: then the identification may stay 0 (RFC 6864, 4.1).
  frame[22] = TTL;
  frame[23] = protocol;
  frame.set(ipBytes(from.ip), 26);
  frame.set(ipBytes(to.ip), 30);
  putU16(frame, 24, checksum(frame, IP_AT, IP_HEADER_BYTES));
  return frame;
}

function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 0xff;
}
