import { Type } from "typebox";
import type { FlowEntry } from "../../src/model/flow.ts";
import type { NetId, VimPortId } from "../../src/model/ids.ts";
import type { Net, NetKind, VimPort } from "../../src/model/net.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { bindGroups, type FabricEntry, type FabricNet, fabricEntries, fabricNet } from "../../src/steer/fabric.ts";
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

export function oursOf({ nets, valid_ports: valid }: FlowCase): Ours {
  const has = (port: string) => valid === undefined || valid.includes(port);
  const there = withoutMissing(nets.map(netOf), nets.flatMap(portsOf), has);
  const { problems, table } = wantedTable(there.nets, there.ports, ABILITIES["1.0"]);
  const all = there.nets.filter((n) => n.kind === "data" || n.kind === "ptp").map((n) => fabricNet(n, there.ports));
  const refused = new Set(there.nets.filter((n, i) => n.kind === "ptp" && all[i]!.ports.length > 2).map((n) => n.id as string));
  const fabric = all.filter((n) => !refused.has(n.id));
  return {
    nets: fabric,
    listed: bindGroups(fabric).flatMap(fabricEntries),
    table: table.entries,
    problems: [...there.missing.values(), ...[...problems].flatMap(([id, why]) => (refused.has(id) ? [why] : []))],
  };
}

type RecordedNet = FlowCase["nets"][number];

const netOf = (n: RecordedNet): Net => ({
  id: n.uuid as NetId,
  name: n.uuid,
  kind: (n.type ?? "data") as NetKind,
  tenantId: null,
  shared: false,
  adminUp: n.admin_state_up !== false && n.admin_state_up !== "false",
  status: "ACTIVE",
  lastError: null,
  vlan: n.vlan,
  provider: isAmong(n) ? null : (n.provider ?? null),
  bindNet: n.bind_net as NetId | null,
  copyNet: null,
  bindVlan: n.bind_type === null ? null : Number(n.bind_type.slice("vlan:".length)),
  portSecurity: false,
  createdAt: "",
});

/** The original adds the port of a provider to the list before it computes; a recording made after that has it there already. */
const isAmong = (n: RecordedNet): boolean => {
  const outside = /^openflow:([^:]+)/.exec(n.provider ?? "")?.[1];
  return outside !== undefined && n.ports.some((p) => p.switch_port === outside);
};

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
