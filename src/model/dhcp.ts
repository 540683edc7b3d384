import type { NetCable } from "./net-cable.ts";

/** The DHCP server of one net at one place. */
export interface DhcpServer extends NetCable {
  /** Its own address, the length of the net's prefix, and of IPv4 that as a mask. */
  readonly ip: string;
  readonly prefix: number;
  readonly mask: string | null;
  readonly gatewayIp: string | null;
  readonly dns: readonly string[];
  /** Next hop by destination, `default` or a CIDR. */
  readonly routes: Readonly<Record<string, string>>;
  /** Whom it answers, and with what. Nobody else gets an address. */
  readonly reservations: readonly DhcpReservation[];
}

export interface DhcpReservation {
  readonly mac: string;
  readonly ip: string;
}
