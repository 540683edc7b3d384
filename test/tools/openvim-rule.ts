import type { FlowCase, RecordedFlow } from "../../tools/flows/case.ts";

/**
 * What the original computes for the nets of one bind group, said a second time and step by step as it does it, its defects included.
 * Ours (`src/steer/fabric.ts`) is written from the ways and not from these steps, so one can be held against the other.
 */

interface Defects {
  /** It takes two flows for one that differ in nothing but the tag they match. */
  readonly blindToTags: boolean;
  /** It crashes where the first of several flows that become one has no destination. */
  readonly crashes: boolean;
}
export const AS_IT_IS: Defects = { blindToTags: true, crashes: true };
export const REPAIRED: Defects = { blindToTags: false, crashes: false };

type Case = Pick<FlowCase, "nets" | "valid_ports">;
type Net = FlowCase["nets"][number];
type Port = Net["ports"][number];
type Flow = { -readonly [K in keyof RecordedFlow]: RecordedFlow[K] };
type Outlet = readonly [tag: number | null, port: string];

const BROADCAST = "ff:ff:ff:ff:ff:ff";

export function openvimAnswer({ nets, valid_ports: valid }: Case, defects: Defects): FlowCase["out"] {
  const tooMany = nets.find((n) => n.type === "ptp" && n.ports.length > 2);
  if (tooMany) return refused(`'ptp' type network cannot connect ${tooMany.ports.length} interfaces, only 2`);
  const bad = nets.flatMap((n) => n.ports).find((p) => valid && !valid.includes(p.switch_port));
  if (bad) return refused(`switch port name '${bad.switch_port}' is not valid for the openflow controller`);
  const flows = unified(computed(nets, defects), defects);
  return flows === null ? { exception: "KeyError: 'dst_mac'" } : { result: 0, flows, error: null };
}

const refused = (error: string): FlowCase["out"] => ({ result: -1, flows: null, error });

function computed(nets: readonly Net[], defects: Defects): Flow[] {
  const flows: Flow[] = [];
  const add = (flow: Flow) => {
    const isNew = !flows.some((f) => isSame(f, flow, defects));
    if (isNew) flows.push(flow);
    return isNew;
  };
  const count = nets.reduce((n, net) => n + net.ports.length, 0);
  const broadcasts = new Map<string, { flow: Flow; out: Outlet[] }>();
  for (const src of nets) {
    for (const dst of nets) {
      const boundary = boundaryOf(src, dst);
      if (boundary !== null) fromTo(src, dst, boundary, { count, broadcasts, add });
    }
  }
  for (const { flow, out } of broadcasts.values()) if (out.length > 0) add({ ...flow, actions: actionsTo(flow, out) });
  return flows;
}

interface Boundary {
  readonly priority: number;
  readonly tagIn: number | null;
  readonly tagOut: number | null;
}

function boundaryOf(src: Net, dst: Net): Boundary | null {
  const tagOf = (n: Net) => (n.bind_type ? Number(n.bind_type.slice("vlan:".length)) : null);
  if (src === dst) return { priority: 1000, tagIn: null, tagOut: null };
  if (src.bind_net === dst.uuid) return { priority: 1100, tagIn: null, tagOut: tagOf(src) };
  if (dst.bind_net === src.uuid) return { priority: 1100, tagIn: tagOf(dst), tagOut: null };
  return null;
}

interface Sheet {
  readonly count: number;
  readonly broadcasts: Map<string, { flow: Flow; out: Outlet[] }>;
  readonly add: (flow: Flow) => boolean;
}

function fromTo(src: Net, dst: Net, { priority, tagIn, tagOut }: Boundary, { count, broadcasts, add }: Sheet): void {
  for (const from of src.ports) {
    if (tagIn !== null && from.vlan !== null) continue;
    const vlanIn = tagIn ?? from.vlan;
    const matched = { net_id: src.uuid, ingress_port: from.switch_port, ...(vlanIn !== null && { vlan_id: String(vlanIn) }) };
    const key = `${src.uuid}/${src.ports.indexOf(from)}.${vlanIn}`;
    const broadcast = broadcasts.get(key) ?? { flow: { ...matched, priority, dst_mac: BROADCAST, actions: [] }, out: [] };
    broadcasts.set(key, broadcast);
    for (const to of dst.ports) {
      if (tagOut !== null && to.vlan !== null) continue;
      const vlanOut = tagOut ?? to.vlan;
      if (from.switch_port === to.switch_port && vlanIn === vlanOut) continue;
      const isNew = add({ ...matched, ...destination(to, priority, count), actions: actionsOf(vlanIn, vlanOut, to) });
      if (!isNew || count <= 2) continue;
      if (!broadcast.out.some(([tag, port]) => tag === vlanOut && port === to.switch_port))
        broadcast.out.push([vlanOut, to.switch_port]);
    }
  }
}

const destination = ({ mac }: Port, priority: number, count: number) =>
  mac === null || count === 2 ? { priority: priority - 5 } : { priority, dst_mac: mac };

function actionsOf(vlanIn: number | null, vlanOut: number | null, to: Port): Flow["actions"] {
  const tag: Flow["actions"] = vlanOut !== null ? [["vlan", vlanOut]] : vlanIn !== null ? [["vlan", null]] : [];
  return [...tag, ["out", to.switch_port]];
}

function actionsTo({ vlan_id }: Flow, out: readonly Outlet[]): Flow["actions"] {
  const sorted = out.toSorted(([a, p], [b, q]) => (a ?? -1) - (b ?? -1) || (p < q ? -1 : 1));
  let last: number | null = vlan_id === undefined ? null : 0;
  return sorted.flatMap(([tag, port]): Flow["actions"] => {
    const isOther = tag !== last;
    last = tag;
    return isOther
      ? [
          ["vlan", tag],
          ["out", port],
        ]
      : [["out", port]];
  });
}

function isSame(a: Flow, b: Flow, { blindToTags }: Defects): boolean {
  const key = (f: Flow) =>
    JSON.stringify([f.priority, f.ingress_port, f.actions, f.dst_mac, f.net_id, blindToTags ? 0 : f.vlan_id]);
  return key(a) === key(b);
}

/** Null: it crashes. */
function unified(flows: readonly Flow[], { crashes }: Defects): Flow[] | null {
  const bySource = Map.groupBy(flows, (f) => `${f.vlan_id}:${f.ingress_port}`);
  const all: Flow[] = [];
  for (const list of bySource.values()) {
    const first = list[0] as Flow;
    const isOne = list.length > 1 && list.every((f) => JSON.stringify(f.actions) === JSON.stringify(first.actions));
    if (!isOne) {
      all.push(...list);
      continue;
    }
    const { dst_mac, ...rest } = first;
    if (dst_mac === undefined && crashes) return null;
    all.push({ ...rest, priority: first.priority - (dst_mac === undefined ? 0 : 5) });
  }
  return all;
}
