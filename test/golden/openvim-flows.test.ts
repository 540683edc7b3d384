import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bindGroups, type FabricEntry, type FabricNet, fabricEntries } from "../../src/steer/fabric.ts";

/** Flow entries recorded from the original server: what it computed for 200 random networks. */
const FILE = new URL("../../../shared/golden/openvim-flows.jsonl", import.meta.url);

interface Recorded {
  nets: {
    uuid: string;
    vlan: number | null;
    bind_net: string | null;
    bind_type: string | null;
    ports: { switch_port: string; vlan: number | null; mac: string | null }[];
  }[];
  out: {
    error?: string | null;
    exception?: string;
    flows?: {
      priority: number;
      net_id: string;
      ingress_port: string;
      vlan_id?: string;
      dst_mac?: string;
      actions: [string, string | number | null][];
    }[];
  };
}

const recorded: Recorded[] = existsSync(FILE)
  ? readFileSync(FILE, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Recorded)
  : [];

const fabric = (nets: Recorded["nets"]): FabricNet[] =>
  nets.map((n) => ({
    id: n.uuid,
    bindNet: n.bind_net,
    copyNet: null,
    bindVlan: n.bind_type === null ? null : Number(n.bind_type.slice("vlan:".length)),
    ports: n.ports.map((p) => ({ switchPort: p.switch_port, vlan: p.vlan, mac: p.mac })),
  }));

/** One line per (match, place where a copy leaves): independent of the order of entries and of needless tag writes. */
function copies(entries: readonly FabricEntry[]): string[] {
  return entries
    .flatMap((e) => e.out.map((o) => `${e.priority} ${e.inPort} vlan=${e.vlan} dst=${e.ethDst} → ${o.port} vlan=${o.vlan}`))
    .sort();
}

function recordedCopies(flows: NonNullable<Recorded["out"]["flows"]>): string[] {
  const lines = flows.flatMap((f) => {
    let tag: string | number | null = f.vlan_id === undefined ? null : Number(f.vlan_id);
    return f.actions.flatMap(([what, value]) => {
      if (what === "vlan") tag = value;
      return what === "out"
        ? [`${f.priority} ${f.ingress_port} vlan=${f.vlan_id ?? null} dst=${f.dst_mac ?? null} → ${value} vlan=${tag}`]
        : [];
    });
  });
  return [...new Set(lines)].sort();
}

if (recorded.length === 0)
  test("the recorded flow entries are not here: nothing was compared", () => expect(recorded).toEqual([]));

/**
 * The original compares a flow's `vlan` where flows carry `vlan_id`, so two ports of one switch port with different tags are taken
 * for the same and the second is led nowhere. Ours leads it; so there the entries differ on purpose.
 */
const sharesSwitchPort = (nets: Recorded["nets"]) => {
  const names = nets.flatMap((n) => n.ports.map((p) => p.switch_port));
  return new Set(names).size < names.length;
};

for (const [i, { nets, out }] of recorded.entries()) {
  const entries = bindGroups(fabric(nets)).flatMap(fabricEntries);
  if (out.flows && !out.error && !sharesSwitchPort(nets)) {
    test(`recorded network ${i}: same entries as the original`, () =>
      expect(copies(entries)).toEqual(recordedCopies(out.flows ?? [])));
  } else {
    test(`recorded network ${i}, on which the original fails: every port is led to every other`, () => {
      for (const from of nets.flatMap((n) => n.ports)) expect(reachedFrom(entries, from)).toEqual(othersThan(nets, from));
    });
  }
}

type RecordedPort = Recorded["nets"][number]["ports"][number];
const place = (port: string, vlan: number | null) => `${port} vlan=${vlan}`;

function reachedFrom(entries: readonly FabricEntry[], from: RecordedPort): string[] {
  const own = entries.filter((e) => e.inPort === from.switch_port && e.vlan === from.vlan);
  return [...new Set(own.flatMap((e) => e.out.map((o) => place(o.port, o.vlan))))].sort();
}

function othersThan(nets: Recorded["nets"], from: RecordedPort): string[] {
  const here = place(from.switch_port, from.vlan);
  const all = nets.flatMap((n) => n.ports.map((p) => place(p.switch_port, p.vlan)));
  return [...new Set(all)].filter((p) => p !== here).sort();
}
