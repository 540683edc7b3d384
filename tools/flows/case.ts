import { Type } from "typebox";
import type { FlowEntry } from "../../src/model/flow.ts";
import type { NetId, VimPortId } from "../../src/model/ids.ts";
import type { Net, NetKind, VimPort } from "../../src/model/net.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { bindGroups, type FabricEntry, type FabricNet, fabricEntries, fabricNet, outsideOf } from "../../src/steer/fabric.ts";
import { withoutMissing } from "../../src/steer/missing.ts";
import { wantedTable } from "../../src/steer/wanted.ts";

const orNull = <S extends Parameters<typeof Type.Union>[0][number]>(schema: S) => Type.Union([schema, Type.Null()]);
const tag = orNull(Type.Union([Type.Integer(), Type.String({ pattern: "^[0-9]+$" })]));
const port = Type.Object({
  uuid: Type.Optional(Type.String()),
  switch_port: Type.String(),
  vlan: orNull(Type.Integer()),
  mac: orNull(Type.String()),
});
const net = Type.Object({
  uuid: Type.String(),
  type: Type.Optional(Type.String()),
  admin_state_up: Type.Optional(Type.Union([Type.Boolean(), Type.Enum(["true", "false"])])),
  vlan: orNull(Type.Integer()),
  provider: Type.Optional(orNull(Type.String())),
  bind_net: orNull(Type.String()),
  bind_type: orNull(Type.String({ pattern: "^vlan:[0-9]{1,4}$" })),
  ports: Type.Array(port),
});
const flow = Type.Object({
  priority: Type.Integer(),
  net_id: Type.Optional(Type.String()),
  ingress_port: Type.String(),
  vlan_id: Type.Optional(tag),
  dst_mac: Type.Optional(orNull(Type.String())),
  actions: Type.Array(Type.Tuple([Type.Enum(["vlan", "out"]), Type.Union([Type.String(), Type.Integer(), Type.Null()])])),
});
/** One line of `openvim-flows.jsonl`: nets of one bind group, and what OpenVIM made of them. */
export const flowCase = Type.Object({
  nets: Type.Array(net, { minItems: 1 }),
  valid_ports: Type.Optional(Type.Array(Type.String())),
  out: Type.Object({
    result: Type.Optional(Type.Integer()),
    flows: Type.Optional(orNull(Type.Array(flow))),
    error: Type.Optional(orNull(Type.String())),
    exception: Type.Optional(Type.String()),
  }),
});

export type FlowCase = Type.Static<typeof flowCase>;
export type RecordedFlow = Type.Static<typeof flow>;

/** What our VIM makes of the same nets. */
export interface Ours {
  readonly nets: readonly FabricNet[];
  /** As our API lists it. */
  readonly listed: readonly FabricEntry[];
  /** As it stands in a switch, without groups. */
  readonly table: readonly FlowEntry[];
  /** Why something of the nets is not carried at all, as `last_error` would tell it. */
  readonly problems: readonly string[];
}

export function oursOf({ nets, valid_ports: valid, out }: FlowCase): Ours {
  const has = (port: string) => valid === undefined || valid.includes(port);
  const asked = nets.map((n) => ({ ...netOf(n, out), provider: isComputedWith(n, out) ? (n.provider ?? null) : null }));
  const there = withoutMissing(asked, nets.flatMap(portsOf), has);
  const { problems, table } = wantedTable(there.nets, there.ports, ABILITIES["1.0"]);
  const switched = there.nets.filter((n) => n.kind === "data" || n.kind === "ptp");
  const all = switched.map((n) => fabricNet(n, there.ports));
  const refused = new Set(switched.filter((n, i) => n.kind === "ptp" && all[i]!.ports.length > 2).map((n) => n.id as string));
  const fabric = all.filter((n) => !refused.has(n.id));
  const others = there.nets.filter((n) => !switched.includes(n));
  return {
    nets: fabric,
    listed: bindGroups(fabric)
      // A broadcast entry has the priority of the first direction, which follows from the order of the nets.
      .map((group) => fabric.filter((n) => group.includes(n)))
      .flatMap(fabricEntries),
    table: table.entries,
    problems: [
      ...there.missing.values(),
      ...[...problems].flatMap(([id, why]) => (refused.has(id) ? [why] : [])),
      ...others.map((n) => `network type '${n.kind}' is not led by a switch`),
    ],
  };
}

type RecordedNet = FlowCase["nets"][number];

const netOf = (n: RecordedNet, out: FlowCase["out"]): Omit<Net, "provider"> => ({
  id: n.uuid as NetId,
  name: n.uuid,
  kind: (n.type === "ptp" && out.flows?.length ? "data" : (n.type ?? "data")) as NetKind, // Entries: it passed the check of its ends.
  tenantId: null,
  shared: false,
  adminUp: n.admin_state_up !== false && n.admin_state_up !== "false",
  status: "ACTIVE",
  lastError: null,
  vlan: n.vlan,
  bindNet: n.bind_net as NetId | null,
  copyNet: null,
  bindVlan: n.bind_type ? Number(n.bind_type.slice("vlan:".length)) : null,
  portSecurity: false,
  createdAt: "",
});

/**
 * The original adds the port of a provider to the ports before it computes entries. A recording made after that has it among its ports,
 * one of the computing alone has it nowhere, and one of the whole has it in the entries only.
 */
function isComputedWith(n: RecordedNet, { flows }: FlowCase["out"]): boolean {
  const outside = outsideOf({ provider: n.provider ?? null, vlan: n.vlan });
  if (outside === null) return false;
  const { switchPort, vlan } = outside;
  const sameSwitchPort = n.ports.filter((p) => p.switch_port === switchPort);
  if (sameSwitchPort.some((p) => p.vlan === vlan)) return false;
  if (!flows) return true;
  const from = flows.filter((f) => f.ingress_port === switchPort);
  return sameSwitchPort.length === 0 ? from.length > 0 : from.some((f) => (f.vlan_id ?? "-") === (vlan?.toString() ?? "-"));
}

const portsOf = (n: RecordedNet): VimPort[] =>
  n.ports.map((p, i) => ({
    id: (p.uuid ?? `${n.uuid}-${i}`) as VimPortId,
    name: p.uuid ?? `${n.uuid}-${i}`,
    kind: "external",
    tenantId: null,
    netId: n.uuid as NetId,
    serverId: null,
    mac: p.mac,
    ip: null,
    switchPort: p.switch_port,
    vlan: p.vlan,
    bandwidthMbps: null,
    adminUp: true,
    status: "ACTIVE",
    fenced: false,
    portSecurity: null,
    allowedPairs: [],
  }));
