import { brokenRules } from "../descriptor/rules.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, NsMember, Vdu } from "../model/descriptor.ts";
import type { NetId } from "../model/ids.ts";
import type { Connections, ExternalLink, VnfInstance } from "../model/occurrence.ts";
import type { VimNet } from "../vimconn/connector.ts";
import { notHere } from "./asked-links.ts";
import { type Deployment, type NetIds, netIdIn } from "./plan.ts";
import { resized } from "./size.ts";

// Where the external connection points of a VNF are connected to, and are to be instead (SOL003 5.4.11). Pure.

/** What is known of the VNF that is to be connected otherwise. */
export interface Reconnectable {
  readonly d: Deployment;
  readonly vnf: VnfInstance;
  /** Null: its VNFD is of the plain form; then connection points go by the names that they have in its VDUs. */
  readonly blueprint: VnfBlueprint | null;
  /** Of the nets that it is on now. */
  readonly ids: NetIds;
}

/** A net, with what is asked to be connected to it, and what of it is to be no more. */
export interface AskedConnection {
  readonly link: ExternalLink;
  readonly net: VimNet;
  readonly left: readonly string[];
}

/** Names of the nets that a connection point is asked to be on, and of those that it is asked to leave. */
interface Wanted {
  readonly on: readonly string[];
  readonly off: ReadonlySet<string>;
}

interface Point {
  readonly vdu: Vdu;
  readonly cp: string;
}

/** Both sides of the change. Throws NOT_SUPPORTED where it cannot be as it is asked for. */
export function reconnection(of: Reconnectable, asked: readonly AskedConnection[]): { from: Connections; to: Connections } {
  const from = connectionsOf(of.d, of.vnf);
  const names = namesFor(of, asked);
  const netIds = { ...from.netIds, ...Object.fromEntries(asked.map(({ net }) => [names.get(net.id)!, net.id])) };
  let { nets, traffic } = from;
  for (const cpdId of new Set(asked.flatMap((a) => [...a.link.cps.map((c) => c.cpdId), ...a.left]))) {
    const namesOf = (which: readonly AskedConnection[]) => which.map((a) => names.get(a.net.id)!);
    const on = namesOf(asked.filter(({ link }) => isOn(link, cpdId)));
    const wanted = { on, off: new Set(namesOf(asked.filter((a) => a.left.includes(cpdId)))) };
    const points = pointsOf(of, cpdId);
    const service = points.find(({ vdu, cp }) => cp === vdu.serviceInterface);
    if (service) traffic = led(of, service.vdu, traffic, wanted);
    else nets = { ...nets, ...moved(of, cpdId, points, wanted) };
  }
  const links = from.links && linksAfter(from.links, asked);
  const to: Connections = { nets, traffic, netIds, links };
  checkRules(withConnections(of.d, of.vnf.id, to));
  return { from, to };
}

/** Where it is connected to now. */
function connectionsOf(d: Deployment, { externalLinks }: VnfInstance): Connections {
  const { nets, netIds = {}, members, scaling = [] } = (d.asWritten ?? d).nsd;
  const later = scaling.flatMap((s) => s.vdus.flatMap((v) => v.further.flat().flatMap((f) => f.member ?? [])));
  const traffic = Object.fromEntries([...members, ...later].map((m) => [m.vnfc, m.trafficNets]));
  return { nets, netIds, traffic, links: externalLinks ?? null };
}

/** The same deployment, connected so. */
export function withConnections(d: Deployment, vnfId: string, to: Connections): Deployment {
  const { asWritten, ...rest } = d;
  const { nsd, vnfd } = asWritten ?? d;
  const ledTo = (m: NsMember): NsMember => ({ ...m, trafficNets: to.traffic[m.vnfc] ?? m.trafficNets });
  const scaling = nsd.scaling?.map((s) => ({
    ...s,
    vdus: s.vdus.map((v) => ({
      ...v,
      further: v.further.map((all) => all.map((f) => ({ ...f, member: f.member && ledTo(f.member) }))),
    })),
  }));
  const connected: Nsd = {
    ...nsd,
    nets: to.nets,
    netIds: to.netIds,
    members: nsd.members.map(ledTo),
    ...(scaling && { scaling }),
  };
  const vnfs = d.vnfs.map((v) => (v.id === vnfId && to.links !== null ? { ...v, externalLinks: to.links } : v));
  return resized({ ...rest, nsd: connected, vnfd, vnfs });
}

/** Nets that it has in this service already go by the names that they have; others by theirs in the VIM, or by their ids. */
function namesFor({ d: { nsd }, ids }: Reconnectable, asked: readonly AskedConnection[]): Map<NetId, string> {
  const known = new Map([...ids].map(([name, id]) => [id, name]));
  const isTaken = (name: string) => ids.has(name) || nsd.ownNets?.includes(name) === true || netIdIn(nsd, name) !== undefined;
  const isOne = (name: string) => asked.filter((a) => a.net.name === name).length === 1;
  return new Map(
    asked.map(({ net }) => [net.id, known.get(net.id) ?? (isTaken(net.name) || !isOne(net.name) ? net.id : net.name)]),
  );
}

/** The connection points of VDUs that an external one is. */
function pointsOf({ d, vnf, blueprint }: Reconnectable, cpdId: string): Point[] {
  const own = d.vnfd.vdus.filter((vdu) => vdu.vnfcs.some((c) => vnf.vnfcs.includes(c.id)));
  const ofVdu = (vdu: string, cp: string): Point[] =>
    own
      .filter((v) => v.id === vdu || v.id === `${vnf.profile}-${vdu}`)
      .flatMap((v) =>
        v.cps.filter((c) => c.id === cp || c.id === `${vnf.profile}-${vdu}-${cp}`).map((c) => ({ vdu: v, cp: c.id })),
      );
  const ext = blueprint?.extCps.find((e) => e.id === cpdId);
  const onLink = ext && ext.link !== null ? (blueprint?.vdus ?? []) : [];
  const points = ext
    ? [
        ...ofVdu(ext.vdu ?? "", ext.cp ?? ""),
        ...onLink.flatMap((v) => v.cps.filter((c) => c.link === ext.link).flatMap((c) => ofVdu(v.id, c.id))),
      ]
    : own.flatMap((vdu) => vdu.cps.filter((c) => c.id === cpdId).map((c) => ({ vdu, cp: c.id })));
  const there = blueprint?.extCps.map((e) => e.id) ?? own.flatMap((v) => v.cps.map((c) => c.id));
  if (points.length === 0)
    throw notHere(
      `extVirtualLinks: VNF ${vnf.name} has no external connection point ${cpdId}; it has ${[...new Set(there)].join(", ")}`,
    );
  const shared = points.find(({ vdu }) => vdu.vnfcs.some((c) => !vnf.vnfcs.includes(c.id)));
  if (shared)
    throw notHere(`extVirtualLinks: ${cpdId}: VDU ${shared.vdu.id} is of several VNFs of the NS, which are connected alike`);
  return points;
}

/** The users of a service come over other nets: what is new takes the place of what goes, and what is more than that goes to who has least. */
function led({ d, vnf }: Reconnectable, vdu: Vdu, traffic: Connections["traffic"], asked: Wanted): Connections["traffic"] {
  const written = allOf(d, vdu);
  const members = Object.keys(traffic).filter((name) => written.has(name));
  const now = members.flatMap((m) => traffic[m]!);
  const wanted = netsAfter(now, asked);
  const gone = now.filter((net) => !wanted.includes(net));
  const fresh = wanted.filter((net) => !now.includes(net));
  const inPlace = new Map(gone.map((net, i) => [net, fresh[i] ?? null]));
  const next = new Map(
    members.map((m) => [m, traffic[m]!.flatMap((net) => (inPlace.has(net) ? (inPlace.get(net) ?? []) : [net]))]),
  );
  for (const net of fresh.slice(gone.length)) {
    const serving = members.filter((m) => traffic[m]!.length > 0);
    const [least] = serving.toSorted((a, b) => next.get(a)!.length - next.get(b)!.length);
    if (least === undefined) throw notHere(`extVirtualLinks: no VNFC of VDU ${vdu.id} of VNF ${vnf.name} serves`);
    next.set(least, [...next.get(least)!, net]);
  }
  return { ...traffic, ...Object.fromEntries(next) };
}

/** Where a connection point is on when it is moved: who names what it leaves keeps the rest, and who names only where it is to be names all. */
const netsAfter = (now: readonly string[], { on, off }: Wanted): readonly string[] =>
  off.size === 0 ? on : [...now.filter((net) => !off.has(net) && !on.includes(net)), ...on];

const isOn = ({ cps }: ExternalLink, cpdId: string): boolean => cps.some((c) => c.cpdId === cpdId);

/** All VNFCs that a VDU has, at whatever size. */
function allOf({ asWritten, nsd, vnfd }: Deployment, { id }: Vdu): ReadonlySet<string> {
  const made = asWritten ?? { nsd, vnfd };
  const scaled = (made.nsd.scaling ?? []).flatMap((s) => s.vdus.filter((v) => v.id === id));
  const further = scaled.flatMap((v) => v.further.flat().map((f) => f.vnfc.id));
  return new Set([...(made.vnfd.vdus.find((v) => v.id === id)?.vnfcs.map((c) => c.id) ?? []), ...further]);
}

/** Its vNICs are plugged into another net. */
function moved({ d, vnf }: Reconnectable, cpdId: string, points: readonly Point[], asked: Wanted): Record<string, string> {
  const now = [...new Set(points.flatMap(({ cp }) => d.nsd.nets[cp] ?? []))];
  const [net, ...more] = netsAfter(now, asked);
  if (net === undefined || more.length > 0)
    throw notHere(
      `extVirtualLinks: ${cpdId} of VNF ${vnf.name} is on one net, and ${[net ?? "none", ...more].join(", ")} are asked for; name it in one link`,
    );
  for (const { cp } of points) {
    const other = d.vnfd.vdus.find((v) => v.cps.some((c) => c.id === cp) && !points.some((p) => p.vdu === v && p.cp === cp));
    if (other)
      throw notHere(`extVirtualLinks: ${cpdId}: VDU ${other.id} has a ${cp} on the same net, and would be moved with it`);
  }
  return Object.fromEntries(points.map(({ cp }) => [cp, net]));
}

/** What is named is on the links that it is named in, and on no other, unless it is named where it is no more: then it leaves those alone. The rest is as it was. */
function linksAfter(had: readonly ExternalLink[], asked: readonly AskedConnection[]): ExternalLink[] {
  const isSame = (a: ExternalLink, b: ExternalLink) => a.id === b.id && a.resourceId === b.resourceId;
  const goes = (l: ExternalLink, cpdId: string) =>
    asked.some((a) => a.left.includes(cpdId))
      ? asked.some((a) => a.link.resourceId === l.resourceId && (a.left.includes(cpdId) || isOn(a.link, cpdId)))
      : asked.some((a) => isOn(a.link, cpdId));
  const stay = had.map((l) => ({ ...l, cps: l.cps.filter((c) => !goes(l, c.cpdId)) }));
  const more = (l: ExternalLink) => stay.find((o) => isSame(o, l))?.cps ?? [];
  const links = asked.map(({ link }) => ({ ...link, cps: [...more(link), ...link.cps] }));
  return [...stay.filter((l) => !asked.some(({ link }) => isSame(link, l))), ...links].filter((l) => l.cps.length > 0);
}

function checkRules({ nsd, vnfd, asWritten = { nsd, vnfd } }: Deployment): void {
  const broken = brokenRules({ vnfds: [asWritten.vnfd], nsds: [asWritten.nsd] });
  if (broken.length > 0) throw notHere(`extVirtualLinks: ${broken.map((b) => b.replace(/^\S+: /, "")).join("; ")}`);
}
