import { probedIp, type WireStatus } from "../model/net.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { ServerPort } from "../model/vim-picture.ts";

/** What is known of a port beside its row. */
export interface PortFacts {
  /** null: it belongs to no server. */
  readonly server: ServerStatus | null;
  /** null: nobody has said anything of its link yet. */
  readonly isLinkUp: boolean | null;
  /** It has answered a probe since its server last started. */
  readonly hasAnswered: boolean;
  /** Probes reach it. */
  readonly isAskable: boolean;
}

/** DOWN before BUILD before ACTIVE: a port that cannot carry traffic is DOWN whatever it answered before. Pure. */
export function portStatus(port: ServerPort, facts: PortFacts): WireStatus {
  if (facts.isLinkUp === false) return "DOWN";
  if (port.kind === "external") return "ACTIVE";
  if (facts.server !== "ACTIVE") return "DOWN";
  const isProbed = port.kind === "instance:data" && probedIp(port) !== null && port.switchPort !== null && facts.isAskable;
  return isProbed && !facts.hasAnswered ? "BUILD" : "ACTIVE";
}
