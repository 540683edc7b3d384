import type { Static } from "typebox";
import type { ArmedProtection, GuestHeartbeatPolicy, PlanView, ProbePolicy, ProtectionView } from "../../model/armed.ts";
import type { GroupId, NetId, ServerId, VnfcId } from "../../model/ids.ts";
import { checked } from "../invalid.ts";
import { flagged, type Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { protectionPut } from "./bodies.ts";
import type { Call } from "./call.ts";

// Ours: protections that the MANO arms in the VIM. Members in OpenVIM's spelling.

const idOf = (call: Call) => call.params.id as GroupId;
const memberIdOf = (call: Call) => call.params.memberId as VnfcId;

export const listProtections = (call: Call) => ({ protections: call.doors.protections.list().map(protectionOut) });
export const getProtection = (call: Call) => ({ protection: protectionOut(call.doors.protections.get(idOf(call))) });

/** Arms, or replaces an older revision. 409 names both revisions. */
export async function putProtection(call: Call) {
  return { protection: protectionOut(await call.doors.protections.arm(protectionIn(call))) };
}

export async function deleteProtection(call: Call) {
  await call.doors.protections.disarm(idOf(call));
  return { result: `protection '${idOf(call)}' deleted` };
}

/** Closes the member's port and moves what its plan can move. Answered when the switch has confirmed. `?unless_last=true`: 409 where nobody could take over. */
export async function putFence(call: Call) {
  const stray = Object.keys(call.query).find((key) => key !== "unless_last");
  if (stray !== undefined) throw new WireError(400, `Invalid query string at '${stray}'; 'unless_last' is true or false`);
  const when = flagged(call.query, "unless_last") ? "unlessLast" : "always";
  return { protection: protectionOut(await call.doors.protections.fence(idOf(call), memberIdOf(call), when)) };
}

export async function deleteFence(call: Call) {
  return { protection: protectionOut(await call.doors.protections.lift(idOf(call), memberIdOf(call))) };
}

function protectionIn(call: Call): ArmedProtection {
  const { protection: p } = checked(protectionPut, call.body());
  if (p.id !== undefined && p.id !== idOf(call))
    throw new WireError(400, `Invalid content  at 'protection:id': '${p.id}' is not the id of the path, '${idOf(call)}'`);
  return {
    id: idOf(call),
    name: p.name,
    revision: p.revision,
    holdOffMs: p.hold_off_ms ?? 0,
    members: p.members.map((m) => ({
      id: m.id as VnfcId,
      name: m.name,
      serverId: (m.server_id ?? null) as ServerId | null,
      dataNet: m.data_net as NetId,
      capacity: m.capacity ?? null,
    })),
    plans: p.plans.map((plan) => ({
      failed: plan.failed as VnfcId,
      moves: plan.moves.map((m) => ({ trafficNet: m.net as NetId, to: m.to as VnfcId, orElse: (m.or_else ?? []) as VnfcId[] })),
      because: plan.because ?? [],
    })),
    probe: p.probe === undefined || p.probe === null ? null : probeIn(p.probe),
    guestHeartbeat: p.guest_heartbeat ? heartbeatIn(p.guest_heartbeat) : null,
    traffic: p.traffic ? { silentMs: p.traffic.silent_ms } : null,
  };
}

type ProbeIn = NonNullable<Static<typeof protectionPut>["protection"]["probe"]>;
function probeIn(probe: ProbeIn): ProbePolicy {
  return {
    intervalMs: probe.interval_ms,
    misses: probe.misses,
    of: probe.of,
    icmp: probe.icmp ?? false,
    udpPort: probe.udp_port ?? null,
    tcpPort: probe.tcp_port ?? null,
    sourceIp: probe.source_ip ?? null,
  };
}

type HeartbeatIn = NonNullable<Static<typeof protectionPut>["protection"]["guest_heartbeat"]>;
const heartbeatIn = ({ interval_ms, misses, of }: HeartbeatIn): GuestHeartbeatPolicy => ({ intervalMs: interval_ms, misses, of });

const protectionOut = (p: ProtectionView): Wire => ({
  id: p.id,
  name: p.name,
  revision: p.revision,
  hold_off_ms: p.holdOffMs,
  members: p.members.map((m) => ({
    id: m.id,
    name: m.name,
    server_id: m.serverId,
    data_net: m.dataNet,
    capacity: m.capacity,
    fenced: m.fenced,
  })),
  plans: p.plans.map(planOut),
  probe: p.probe && {
    interval_ms: p.probe.intervalMs,
    misses: p.probe.misses,
    of: p.probe.of,
    icmp: p.probe.icmp,
    udp_port: p.probe.udpPort,
    tcp_port: p.probe.tcpPort,
    source_ip: p.probe.sourceIp,
  },
  guest_heartbeat: p.guestHeartbeat && {
    interval_ms: p.guestHeartbeat.intervalMs,
    misses: p.guestHeartbeat.misses,
    of: p.guestHeartbeat.of,
  },
  traffic: p.traffic && { silent_ms: p.traffic.silentMs },
});

const planOut = (plan: PlanView): Wire => ({
  failed: plan.failed,
  moves: plan.moves.map((m) => ({ net: m.trafficNet, to: m.to, or_else: m.orElse })),
  because: plan.because,
  state: plan.state,
  ready: plan.ready,
  readiness: plan.readiness,
  last_fired: plan.lastFired && { at: plan.lastFired.at, revision: plan.lastFired.revision },
});
