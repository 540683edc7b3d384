import type { NetId } from "./ids.ts";

/** The DHCP server of one net at one place. */
export interface DhcpServer {
  /** Of the net, and of the place where a net has servers at several; a file name. */
  readonly key: string;
  readonly netId: NetId;
  /** The network namespace that its cable ends in; null: this process's own. */
  readonly netns: string | null;
  /** The cable's end there. */
  readonly device: string;
  /** A bridge of the host that the cable is plugged into, made where it is missing and `isOurs`; null: the switch. */
  readonly bridge: { readonly name: string; readonly isOurs: boolean } | null;
  readonly mac: string;
  /** Its own address, the length of the net's prefix, and that as a mask. */
  readonly ip: string;
  readonly prefix: number;
  readonly mask: string;
  readonly gatewayIp: string | null;
  readonly dns: readonly string[];
  /** Next hop by destination, `default` or a CIDR. */
  readonly routes: Readonly<Record<string, string>>;
  /** Bytes, where the net carries less than an Ethernet does; null: say nothing. */
  readonly mtu: number | null;
  /** Whom it answers, and with what. Nobody else gets an address. */
  readonly reservations: readonly DhcpReservation[];
}

export interface DhcpReservation {
  readonly mac: string;
  readonly ip: string;
}
