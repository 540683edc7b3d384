import { isDeepStrictEqual } from "node:util";
import { Fault } from "../lib/fault.ts";
import type { ArmedPlan, ArmedProtection, KeptProtection } from "../model/armed.ts";
import type { NetId } from "../model/ids.ts";
import type { VimPicture } from "../model/vim-picture.ts";
import { isIpv4 } from "./addresses.ts";
import { servicePorts } from "./armed-plans.ts";

// What may be armed. Nothing here answers NOT_FOUND: that is how a VIM without protections answers.

const invalid = (p: ArmedProtection, what: string): Fault =>
  new Fault("INVALID", `protection '${p.name}': ${what}`, { protection: p.id });

/** Throws INVALID with the first rule that is broken. */
export function checkArmed(picture: VimPicture, p: ArmedProtection): void {
  if (p.members.length === 0) throw invalid(p, "it has no members");
  const twice = firstTwice(p.members.map((m) => m.id));
  if (twice !== undefined) throw invalid(p, `member '${twice}' is named twice`);
  for (const member of p.members) {
    const { serverId } = member;
    if (serverId !== null && !picture.servers.has(serverId)) throw invalid(p, `server '${serverId}' of ${member.name} not found`);
    checkNet(picture, p, member.dataNet, `data_net of ${member.name}`);
    if (servicePorts(picture, member).length === 0) {
      const who = serverId === null ? `${member.name}, which is in another VIM,` : `server '${serverId}' of ${member.name}`;
      throw invalid(p, `${who} has no port on the switch in network '${member.dataNet}'`);
    }
  }
  const planned = firstTwice(p.plans.map((plan) => plan.failed));
  if (planned !== undefined) throw invalid(p, `member '${planned}' has two plans`);
  for (const plan of p.plans) checkPlan(picture, p, plan);
  checkProbe(picture, p);
}

function checkPlan(picture: VimPicture, p: ArmedProtection, plan: ArmedPlan): void {
  const failed = p.members.find((m) => m.id === plan.failed);
  if (!failed) throw invalid(p, `the plan for '${plan.failed}' is for none of its members`);
  const twice = firstTwice(plan.moves.map((m) => m.trafficNet));
  if (twice !== undefined) throw invalid(p, `the plan for ${failed.name} moves network '${twice}' twice`);
  for (const { trafficNet, to, orElse } of plan.moves) {
    checkNet(picture, p, trafficNet, `the plan for ${failed.name}`);
    for (const id of [to, ...orElse]) {
      if (!p.members.some((m) => m.id === id))
        throw invalid(p, `the plan for ${failed.name} leads to '${id}', which is no member`);
      if (id === plan.failed) throw invalid(p, `the plan for ${failed.name} leads to ${failed.name} itself`);
    }
    const again = firstTwice([to, ...orElse]);
    if (again !== undefined) throw invalid(p, `the plan for ${failed.name} leads network '${trafficNet}' to '${again}' twice`);
    if (p.members.some((m) => m.dataNet === trafficNet))
      throw invalid(
        p,
        `the plan for ${failed.name} moves network '${trafficNet}', which is the data_net of a member: binds do not chain`,
      );
  }
}

function checkNet(picture: VimPicture, p: ArmedProtection, id: NetId, where: string): void {
  const net = picture.nets.get(id);
  if (!net) throw invalid(p, `${where}: network '${id}' not found`);
  if (net.kind !== "data" && net.kind !== "ptp")
    throw invalid(p, `${where}: network '${net.name}' is of type ${net.kind}; only 'data' and 'ptp' networks can be bound`);
}

function checkProbe(picture: VimPicture, p: ArmedProtection): void {
  const { probe, guestHeartbeat: beat } = p;
  if (beat !== null && beat.misses > beat.of)
    throw invalid(p, `guest_heartbeat: misses ${beat.misses} of ${beat.of}: want at most ${beat.of}`);
  if (probe === null) return;
  if (probe.misses > probe.of) throw invalid(p, `probe: misses ${probe.misses} of ${probe.of}: want at most ${probe.of}`);
  if (probe.sourceIp === null) {
    if (probe.icmp || probe.udpPort !== null || probe.tcpPort !== null)
      throw invalid(
        p,
        "probe: icmp, udp_port and tcp_port need a source_ip in the members' subnet: a guest without a route answers no other",
      );
    return;
  }
  if (!isIpv4(probe.sourceIp)) throw invalid(p, `probe: source_ip '${probe.sourceIp}' is no IPv4 address`);
  for (const member of p.members) {
    if (servicePorts(picture, member).some((port) => port.ip === probe.sourceIp))
      throw invalid(p, `probe: source_ip ${probe.sourceIp} is the address of ${member.name}: want one that nobody has`);
  }
}

/**
 * False where the same is armed already. Throws CONFLICT for a revision lower than the one that is armed, and for the same
 * revision with another content: both are an older leader's, or a mistake that would go unseen.
 */
export function isNews(had: KeptProtection | undefined, p: ArmedProtection): boolean {
  if (!had || p.revision > had.revision) return true;
  const about = { protection: p.id, revision: p.revision, armed: had.revision };
  if (p.revision < had.revision) {
    const text = `protection '${p.name}': revision ${p.revision} is older than revision ${had.revision}, which is armed`;
    throw new Fault("CONFLICT", text, about);
  }
  const { fired: _, ...armed } = had;
  if (isDeepStrictEqual(armed, p)) return false;
  throw new Fault(
    "CONFLICT",
    `protection '${p.name}': revision ${p.revision} is armed with another content; a change needs a higher one`,
    about,
  );
}

const firstTwice = <T>(list: readonly T[]): T | undefined => list.find((x, i) => list.indexOf(x) !== i);
