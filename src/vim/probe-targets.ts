import type { ProbePolicy } from "../model/armed.ts";
import type { HostId, ServerId, VimPortId } from "../model/ids.ts";

/** A link port that is asked all the time whether what is behind it lives. */
export interface ProbeTarget {
  readonly portId: VimPortId;
  /** Name of the port on the OpenFlow switch. */
  readonly switchPort: string;
  /** The service address behind it. */
  readonly ip: string;
  /** The MAC that the VIM gave it; a guest may have set another one. */
  readonly mac: string | null;
  readonly policy: ProbePolicy;
  /** The compute host of its server; null: not known. */
  readonly hostId: HostId | null;
  readonly serverId: ServerId | null;
}

interface Address {
  readonly mac: string;
  readonly ip: string;
}

/** Requests are told apart by so many bits of their number. */
export const REQUEST_BITS = 14;

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

/** The frames of a probe, made elsewhere (src/wire/): the questions, and who answers in a frame that came in. */
export interface ProbeFrames {
  /** An ARP request; with `sourceIp` the one who is asked learns where `sourceIp` is. */
  ask(ip: string, sourceIp?: string): Uint8Array;
  /** Answers a `whoHas`. */
  here(sourceIp: string, to: Address): Uint8Array;
  echo(sourceIp: string, to: Address, request: number): Uint8Array;
  datagram(sourceIp: string, to: Address, udpPort: number, request: number): Uint8Array;
  /** Asks for a connection. */
  connection(sourceIp: string, to: Address, tcpPort: number, request: number): Uint8Array;
  /** Ends the one that was accepted, so that nothing of it is kept at the other end. */
  hangUp(sourceIp: string, to: Address, tcpPort: number, request: number): Uint8Array;
  answerIn(frame: Uint8Array): ProbeAnswer | null;
}
