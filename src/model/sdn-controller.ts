import type { DatapathId, OfcId, PortMappingId } from "./ids.ts";

export const CONTROLLER_KINDS = ["floodlight", "onos", "opendaylight"] as const;
export type ControllerKind = (typeof CONTROLLER_KINDS)[number];

/** Somebody else's controller, and the one switch that is led through it. */
export interface SdnController {
  readonly id: OfcId;
  readonly name: string;
  /** As it was given. */
  readonly dpid: string;
  readonly datapath: DatapathId;
  readonly ip: string;
  readonly port: number;
  readonly kind: ControllerKind;
  readonly version: string | null;
  readonly user: string | null;
  /** Never the password itself. */
  readonly hasPassword: boolean;
  readonly hasToken: boolean;
  /** Null: it is reached by plain HTTP. */
  readonly tls: ControllerTls | null;
  readonly createdAt: string;
}

/** Certificates, in PEM. */
export interface ControllerTls {
  /** Of the authorities that its certificate is believed by; null: of those that this machine believes. */
  readonly caCert: string | null;
  /** Who we are to it; null: nobody in particular. */
  readonly clientCert: string | null;
}

export interface ControllerSecrets extends ControllerTls {
  /** The key of `clientCert`. */
  readonly clientKey: string | null;
}

export interface AskedController {
  readonly name: string;
  readonly dpid: string;
  readonly ip: string;
  readonly port: number;
  readonly kind: ControllerKind;
  readonly version?: string | null | undefined;
  readonly user?: string | null | undefined;
  /** Undefined: as it was. */
  readonly password?: string | null | undefined;
  /** A bearer token in the place of user and password. Undefined: as it was. */
  readonly token?: string | null | undefined;
  /** Undefined: as it was; null: plain HTTP. A key that is left out is as it was. */
  readonly tls?: (ControllerTls & { readonly clientKey?: string | undefined }) | null | undefined;
}

/** INACTIVE: it was not reached yet, or has no connection with the switch. */
export interface ControllerState {
  readonly status: "ACTIVE" | "INACTIVE" | "ERROR";
  readonly lastError: string | null;
}

/** Which switch port a card of a compute node is cabled to. */
export interface PortMapping {
  readonly id: PortMappingId;
  readonly ofcId: OfcId | null;
  readonly region: string;
  /** The name of a host. */
  readonly computeNode: string;
  readonly pci: string;
  readonly switchDpid: string;
  readonly switchPort: string | null;
  readonly switchMac: string | null;
}
