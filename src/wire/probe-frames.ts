import { type Address, arpIn, arpProbe, arpReply } from "./arp.ts";
import { icmpEcho, ipAnswerIn, tcpReset, tcpSyn, udpDatagram } from "./ip-probe.ts";

/** Tells our echoes from other people's: "SP". */
const ECHO_ID = 0x5350;
/** Source ports of our datagrams and connections, the dynamic ones (RFC 6335, 6): which of them says which request it was. */
const PORT_BASE = 0xc000;
/** Requests are told apart by so many bits, in ICMP's sequence and in the source port alike. */
const REQUEST_BITS = 14;
const REQUEST_MASK = (1 << REQUEST_BITS) - 1;
/** Sequence numbers of our connections begin here, and have the request in their lower bits: "SP". */
const SEQUENCE_BASE = 0x53500000;
const PAYLOAD = new TextEncoder().encode("sempre?");

/** What a frame that came in says of our requests. `request`: the lower REQUEST_BITS of the request's number. */
export type ProbeAnswer =
  | { readonly kind: "arp"; readonly ip: string; readonly mac: string }
  /** Somebody asks who `ip` is: a guest renews what it knows of our source address. */
  | { readonly kind: "whoHas"; readonly ip: string; readonly from: Address }
  | { readonly kind: "icmp"; readonly ip: string; readonly request: number }
  | { readonly kind: "udp"; readonly ip: string; readonly udpPort: number; readonly request: number }
  /** `accepts` false: nobody listens there. */
  | {
      readonly kind: "tcp";
      readonly ip: string;
      readonly mac: string;
      readonly tcpPort: number;
      readonly request: number;
      readonly accepts: boolean;
    };

const portOf = (request: number): number => PORT_BASE | (request & REQUEST_MASK);
const sequenceOf = (request: number): number => SEQUENCE_BASE | (request & REQUEST_MASK);

/** The frames of probes that come from `mac`. ARP alone can do without a source address. */
export const probeFrames = (mac: string) => ({
  ask: (ip: string, sourceIp?: string): Uint8Array => arpProbe(mac, ip, sourceIp),
  here: (sourceIp: string, to: Address): Uint8Array => arpReply({ mac, ip: sourceIp }, to),
  echo: (sourceIp: string, to: Address, request: number): Uint8Array =>
    icmpEcho({ from: { mac, ip: sourceIp }, to }, ECHO_ID, request & REQUEST_MASK),
  datagram: (sourceIp: string, to: Address, udpPort: number, request: number): Uint8Array =>
    udpDatagram({ from: { mac, ip: sourceIp }, to }, portOf(request), udpPort, PAYLOAD),
  /** Asks for a connection. */
  connection: (sourceIp: string, to: Address, tcpPort: number, request: number): Uint8Array =>
    tcpSyn({ from: { mac, ip: sourceIp }, to }, portOf(request), tcpPort, sequenceOf(request)),
  /** Ends the one that was accepted, so that nothing of it is kept at the other end. */
  hangUp: (sourceIp: string, to: Address, tcpPort: number, request: number): Uint8Array =>
    tcpReset({ from: { mac, ip: sourceIp }, to }, portOf(request), tcpPort, sequenceOf(request) + 1),
  answerIn,
});

/** null for a frame that answers nothing of ours. */
function answerIn(frame: Uint8Array): ProbeAnswer | null {
  const arp = arpIn(frame);
  if (arp?.is === "reply") return { kind: "arp", ...arp.from };
  if (arp) return { kind: "whoHas", ip: arp.toIp, from: arp.from };
  const answer = ipAnswerIn(frame);
  if (answer?.kind === "icmp") return answer.id === ECHO_ID ? { kind: "icmp", ip: answer.ip, request: answer.sequence } : null;
  if (answer === null || answer.toPort < PORT_BASE) return null;
  const request = answer.toPort & REQUEST_MASK;
  if (answer.kind === "udp") return { kind: "udp", ip: answer.ip, udpPort: answer.fromPort, request };
  if (answer.acknowledges !== sequenceOf(request) + 1) return null; // Of another connection.
  return { kind: "tcp", ...answer.from, tcpPort: answer.fromPort, request, accepts: answer.accepts };
}
