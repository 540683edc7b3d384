import type { ProtectionPolicy } from "../model/protection.ts";

/** A policy as it was written, with what earlier versions did not name. */
export const policyIn = (p: ProtectionPolicy): ProtectionPolicy => ({
  ...p,
  probe: p.probe ? { ...p.probe, tcpPort: p.probe.tcpPort ?? null } : null,
  guestHeartbeat: p.guestHeartbeat ?? null,
  traffic: p.traffic ?? null,
});
