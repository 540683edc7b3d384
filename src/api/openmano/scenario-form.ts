import { randomUUID } from "node:crypto";
import type { OmSceNet, OmSceVnf, OmVnf } from "../../model/openmano.ts";
import { WireError } from "../wire-error.ts";
import { ipProfileOf } from "./vnf-form.ts";

// OpenMANO's scenarios 0.1 (a topology), 0.2 and 0.3 in one form. What is wrong in one the descriptor's reader refuses.

type Row = Readonly<Record<string, unknown>>;
const rowOf = (value: unknown): Row =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Row) : {};
const textOr = (value: unknown): string | null => (value === undefined || value === null ? null : String(value));

export interface Plug {
  readonly vnf: string;
  readonly iface: string;
  readonly ip: string | null;
}

export interface ScenarioForm {
  readonly name: string;
  readonly description: string | null;
  readonly public: boolean;
  /** By its name in the scenario: the name or id of a VNF. */
  readonly vnfs: readonly { readonly name: string; readonly key: "vnf_id" | "vnf_name"; readonly ref: string }[];
  readonly nets: readonly {
    readonly name: string;
    readonly row: Row;
    readonly isExternal: boolean;
    readonly plugs: readonly Plug[];
  }[];
}

export function formOf(body: unknown): ScenarioForm {
  const root = rowOf(body);
  const scenario = "scenario" in root ? rowOf(root.scenario) : root;
  const told = {
    name: String(scenario.name),
    description: textOr(scenario.description),
    public: scenario.public === true,
  };
  if ("topology" in scenario) return { ...told, ...topologyOf(rowOf(scenario.topology)) };
  const vnfs = Object.entries(rowOf(scenario.vnfs)).map(([name, value]) => {
    const { vnf_id, vnf_name } = rowOf(value);
    return vnf_name === undefined
      ? { name, key: "vnf_id" as const, ref: String(vnf_id) }
      : { name, key: "vnf_name" as const, ref: String(vnf_name) };
  });
  const nets = Object.entries(rowOf(scenario.networks)).map(([name, value]) => {
    const row = rowOf(value);
    const interfaces = Array.isArray(row.interfaces) ? row.interfaces : [];
    return { name, row, isExternal: row.external === true, plugs: interfaces.flatMap(plugsOf) };
  });
  return { ...told, vnfs, nets };
}

/** 0.2: `{ vnf: interface }`; 0.3: `{ vnf, vnf_interface, ip_address }`. */
function plugsOf(value: unknown): Plug[] {
  const row = rowOf(value);
  if ("vnf_interface" in row) return [{ vnf: String(row.vnf), iface: String(row.vnf_interface), ip: textOr(row.ip_address) }];
  return Object.entries(row).map(([vnf, iface]) => ({ vnf, iface: String(iface), ip: null }));
}

function topologyOf(topology: Row): Pick<ScenarioForm, "vnfs" | "nets"> {
  const nodes = Object.entries(rowOf(topology.nodes)).map(([name, value]) => ({ name, row: rowOf(value) }));
  const vnfs = nodes.filter((n) => n.row.type === "VNF");
  const outside = new Set(nodes.filter((n) => n.row.type !== "VNF").map((n) => n.name));
  const nets = Object.entries(rowOf(topology.connections)).map(([name, value]) => {
    const row = rowOf(value);
    const all = Array.isArray(row.nodes) ? row.nodes.flatMap(plugsOf) : plugsOf(row.nodes);
    const external = all.find((p) => outside.has(p.vnf))?.vnf;
    return { name: external ?? name, row, isExternal: external !== undefined, plugs: all.filter((p) => !outside.has(p.vnf)) };
  });
  return {
    vnfs: vnfs.map(({ name, row }) => ({ name, key: "vnf_name" as const, ref: String(row["VNF model"] ?? row.model) })),
    nets,
  };
}

/** The VNF of each. Throws 404 for one that there is not, 409 where several have the name. */
export function vnfsOf(form: ScenarioForm, seen: readonly OmVnf[]): ReadonlyMap<string, OmVnf> {
  return new Map(
    form.vnfs.map(({ name, key, ref }) => {
      const found = seen.filter((v) => (key === "vnf_id" ? v.uuid === ref : v.name === ref));
      const at = `'${key}' ${ref} at 'scenario':'vnfs':'${name}'`;
      if (found.length === 0) throw new WireError(404, `Unknown ${at}`);
      if (found.length > 1) throw new WireError(409, `More than one ${at} Concrete with 'vnf_id'`);
      return [name, found[0]!];
    }),
  );
}

/** The interface of a VNF that has this external name; its reader has looked that there is one. */
const ifaceOf = (vnf: OmVnf | undefined, external: string) =>
  vnf?.vms.flatMap((vm) => vm.interfaces).find((i) => i.externalName === external);

export function netsOf(form: ScenarioForm, vnfs: ReadonlyMap<string, OmVnf>): OmSceNet[] {
  return form.nets.map(({ name, row, isExternal, plugs }) => {
    const kinds = plugs.map((p) => ifaceOf(vnfs.get(p.vnf), p.iface)?.type ?? "bridge");
    const isData = kinds.length > 0 && kinds.every((k) => k === "data");
    const isLan = row.type === "e-lan" || row.type === "dataplane_net";
    return {
      uuid: randomUUID(),
      name,
      type: isData ? (plugs.length > 2 || isLan ? "data" : "ptp") : "bridge",
      external: isExternal,
      description: textOr(row.description),
      vimNetworkName: textOr(row["vim-network-name"]),
      ipProfile: ipProfileOf(row["ip-profile"]),
    };
  });
}

export function sceVnfsOf(form: ScenarioForm, vnfs: ReadonlyMap<string, OmVnf>, nets: readonly OmSceNet[]): OmSceVnf[] {
  return form.vnfs.map(({ name }) => {
    const vnf = vnfs.get(name)!;
    const plugs = form.nets.flatMap((n, i) => n.plugs.filter((p) => p.vnf === name).map((p) => ({ ...p, net: nets[i]! })));
    return {
      uuid: randomUUID(),
      name,
      description: vnf.description,
      vnfId: vnf.uuid,
      interfaces: plugs.flatMap(({ iface, ip, net }) => {
        const of = ifaceOf(vnf, iface);
        return of === undefined
          ? []
          : [{ uuid: randomUUID(), sceNetId: net.uuid, interfaceId: of.uuid, externalName: iface, ipAddress: ip }];
      }),
    };
  });
}

/** The name that a VNF of a scenario has where nothing but letters and digits may stand. */
export const plainVnf = (index: number): string => `v${index}`;

/** The scenario again with names that cannot be mistaken: nets and VNFs by their uuids. */
export function normalForm(form: ScenarioForm, vnfs: ReadonlyMap<string, OmVnf>, nets: readonly OmSceNet[]): string {
  const keyOf = new Map(form.vnfs.map(({ name }, i) => [name, plainVnf(i)]));
  return JSON.stringify({
    schema_version: "0.3",
    scenario: {
      name: form.name,
      vnfs: Object.fromEntries(form.vnfs.map(({ name }) => [keyOf.get(name), { vnf_name: vnfs.get(name)!.uuid }])),
      networks: Object.fromEntries(
        form.nets.map(({ plugs }, i) => [
          nets[i]!.uuid,
          { interfaces: plugs.map((p) => ({ vnf: keyOf.get(p.vnf), vnf_interface: p.iface })) },
        ]),
      ),
    },
  });
}

/** A VNF's blueprint under its uuid, with its inner nets by theirs. */
export function normalBlueprint({ uuid, nets, blueprint }: OmVnf): OmVnf["blueprint"] {
  const idOf = new Map(nets.map((n) => [n.name, n.uuid]));
  const vdus = blueprint.vdus.map((vdu) => ({
    ...vdu,
    cps: vdu.cps.map((cp) => ({ ...cp, link: cp.link === null ? null : (idOf.get(cp.link) ?? cp.link) })),
  }));
  return { ...blueprint, id: uuid, vdus };
}
