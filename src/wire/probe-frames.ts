import { type Address, arpIn, arpProbe, arpReply } from "./arp.ts";
import { icmpEcho, ipAnswerIn, udpDatagram } from "./ip-probe.ts";

/** Tells our echoes from other people's: "SP". */
const ECHO_ID = 0x5350;
/** Source ports of our datagrams, the dynamic ones (RFC 6335, 6): which of them says which request it was. */
const UDP_PORT_BASE = 0xc000;
/** Requests are told apart by so many bits, in ICMP's sequence and in UDP's source port alike. */
const REQUEST_BITS = 14;
const REQUEST_MASK = (1 << REQUEST_BITS) - 1;
const PAYLOAD = new TextEncoder().encode("sempre?");

/** What a frame that came in says of our requests. `request`: the lower REQUEST_BITS of the request's number. */
export type ProbeAnswer =
  | { readonly kind: "arp"; readonly ip: string; readonly mac: string }
  /** Somebody asks who `ip` is: a guest renews what it knows of our source address. */
  | { readonly kind: "whoHas"; readonly ip: string; readonly from: Address }
  | { readonly kind: "icmp"; readonly ip: string; readonly request: number }
  | { readonly kind: "udp"; readonly ip: string; readonly udpPort: number; readonly request: number };

/** The frames of probes that come from `mac`. ARP alone can do without a source address. */
export const probeFrames = (mac: string) => ({
  ask: (ip: string, sourceIp?: string): Uint8Array => arpProbe(mac, ip, sourceIp),
  here: (sourceIp: string, to: Address): Uint8Array => arpReply({ mac, ip: sourceIp }, to),
  echo: (sourceIp: string, to: Address, request: number): Uint8Array =>
    icmpEcho({ from: { mac, ip: sourceIp }, to }, ECHO_ID, request & REQUEST_MASK),
  datagram: (sourceIp: string, to: Address, udpPort: number, request: number): Uint8Array =>
    udpDatagram({ from: { mac, ip: sourceIp }, to }, UDP_PORT_BASE | (request & REQUEST_MASK), udpPort, PAYLOAD),
  answerIn,
});

/** null for a frame that answers nothing of ours. */
function answerIn(frame: Uint8Array): ProbeAnswer | null {
  const arp = arpIn(frame);
  if (arp?.is === "reply") return { kind: "arp", ...arp.from };
  if (arp) return { kind: "whoHas", ip: arp.toIp, from: arp.from };
  const answer = ipAnswerIn(frame);
  if (answer?.kind === "icmp") return answer.id === ECHO_ID ? { kind: "icmp", ip: answer.ip, request: answer.sequence } : null;
  if (answer === null || answer.toPort < UDP_PORT_BASE) return null;
  return { kind: "udp", ip: answer.ip, udpPort: answer.fromPort, request: answer.toPort & REQUEST_MASK };
}
