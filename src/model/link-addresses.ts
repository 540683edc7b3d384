/** What a virtual link gives to who is on it (IFA 014 6.5.4 L3ProtocolData), as one net of a VIM has it: of IPv4 or of IPv6. */
export interface LinkAddresses {
  readonly cidr: string;
  /** Null: the VIM chooses it. */
  readonly gateway: string | null;
  /** A DHCP server gives them; else whoever is on it has what its connection point says. */
  readonly isGiven: boolean;
  /** Those that are given; null: the VIM chooses. The first is the server's own. */
  readonly pool: readonly [first: string, last: string] | null;
}
