import type { ConnectionBlueprint, LinkBlueprint, NsBlueprint, VnfUse } from "../model/blueprint.ts";
import { oneOf, quote } from "./flaw.ts";
import { nameOf, plainName, versionOf } from "./openmano-vnf.ts";
import { asWritten, type Spot } from "./spot.ts";

// OpenMANO's scenarios: 0.1 (a topology of nodes and connections), 0.2 (`schema_version: 2`) and 0.3.

/** An interface of a VNF on a network. */
interface Plug {
  readonly vnf: string;
  readonly iface: string;
  readonly spot: Spot;
}

interface Network {
  readonly name: string;
  readonly plugs: readonly Plug[];
  readonly spot: Spot;
}

export function readScenario(root: Spot): NsBlueprint {
  const scenario = root.get("scenario").isThere ? root.get("scenario").object("a scenario") : root;
  const isFirst = scenario.get("topology").isThere;
  const vnfs = isFirst ? readNodes(scenario) : readVnfs(scenario);
  const networks = isFirst
    ? readConnections(scenario)
    : readNetworks(scenario, asWritten(root.get("schema_version").value ?? ""));
  const name = nameOf(scenario.get("name"), "the scenario's name");
  for (const plug of networks.flatMap((n) => n.plugs))
    if (!vnfs.has(plug.vnf)) plug.spot.refuse(`there is no VNF ${quote(plug.vnf)} in this scenario`, oneOf([...vnfs.keys()]));
  return {
    id: plainName(name),
    version: versionOf(root.value),
    name,
    designer: null,
    level: null,
    uses: [...vnfs].map(([id, vnf]) => useOf(id, vnf, networks)),
    links: networks.map((n): LinkBlueprint => ({ id: n.name, net: n.name, at: n.spot.at })),
    steering: [],
    at: scenario.at,
  };
}

function useOf(id: string, { name, spot }: VnfReference, networks: readonly Network[]): VnfUse {
  const connections = networks.flatMap((n) =>
    n.plugs.filter((p) => p.vnf === id).map((p): ConnectionBlueprint => ({ link: n.name, extCp: p.iface, at: p.spot.at })),
  );
  const instances = { min: 1, max: 1, initial: 1 };
  return { id: plainName(id), vnfd: name, instances, isKeptApart: false, level: null, connections, members: [], at: spot.at };
}

interface VnfReference {
  readonly name: string;
  readonly spot: Spot;
}

function readVnfs(scenario: Spot): Map<string, VnfReference> {
  const vnfs = scenario.get("vnfs");
  const entries = vnfs.entries("VNFs by name");
  if (entries.length === 0) vnfs.refuse("names no VNF", "write vnfs: { name: { vnf_name: … } }");
  return new Map(
    entries.map(([key, spot]) => {
      const reference = spot.object("a VNF").first("vnf_name", "vnf_id");
      return [key, { name: reference.text("the name or id of a VNF, at vnf_name or vnf_id"), spot }];
    }),
  );
}

/** 0.1: nodes of type VNF; the others are networks. */
function readNodes(scenario: Spot): Map<string, VnfReference> {
  const nodes = scenario.get("topology").object("nodes and connections").get("nodes").entries("nodes by name");
  const vnfs = nodes.filter(([, spot]) => spot.object("a node").get("type").text("its type") === "VNF");
  if (vnfs.length === 0) scenario.get("topology").get("nodes").refuse("has no node of type VNF", "write at least one");
  return new Map(
    vnfs.map(([key, spot]) => [key, { name: spot.first("VNF model", "model").text('the name of a VNF, at "VNF model"'), spot }]),
  );
}

/** 0.2: `{ vnf: interface }`; 0.3: `{ vnf, vnf_interface }`. */
function readNetworks(scenario: Spot, version: string): Network[] {
  return scenario
    .get("networks")
    .entries("networks by name")
    .map(([name, net]) => {
      const isThird = version === "0.3" || version === "3";
      const spots = net.object("a network").get("interfaces").items("interfaces", 1);
      const plugs = spots.flatMap((s) => (isThird ? thirdPlug(s) : pairs(s)));
      if (net.get("type").value === "e-line" && plugs.length > 2)
        net.get("type").refuse(`an e-line joins two, and ${quote(name)} has ${plugs.length} interfaces`, "write e-lan");
      refuseTwice(plugs);
      return { name, plugs, spot: net };
    });
}

function thirdPlug(spot: Spot): Plug[] {
  const [vnf, iface] = [spot.object("an interface").get("vnf"), spot.get("vnf_interface")];
  spot.get("ip_address").ipv4("its address");
  return [
    { vnf: vnf.text("the name of a VNF of this scenario"), iface: iface.text("the name of an external connection of it"), spot },
  ];
}

const pairs = (spot: Spot): Plug[] =>
  spot
    .entries("VNF: interface")
    .map(([vnf, value]) => ({ vnf, iface: value.text("the name of an external connection of it"), spot: value }));

/** 0.1: what is connected; a node that is a network gives the connection its name. */
function readConnections(scenario: Spot): Network[] {
  const topology = scenario.get("topology");
  const nets = new Set(
    topology
      .get("nodes")
      .entries("nodes")
      .filter(([, n]) => n.get("type").value !== "VNF")
      .map(([key]) => key),
  );
  return topology
    .get("connections")
    .entries("connections by name")
    .map(([key, connection]) => {
      const list = connection.object("a connection").get("nodes");
      const all = Array.isArray(list.value) ? list.items("nodes").flatMap(pairs) : pairs(list);
      const plugs = all.filter((p) => !nets.has(p.vnf));
      const external = all.find((p) => nets.has(p.vnf));
      if (connection.get("type").value === "link" && all.length > 2)
        connection
          .get("type")
          .refuse(`a link joins two, and ${quote(key)} has ${all.length}`, "write dataplane_net or bridge_net");
      refuseTwice(plugs);
      return { name: external?.vnf ?? key, plugs, spot: connection };
    });
}

function refuseTwice(plugs: readonly Plug[]): void {
  const seen = new Set<string>();
  for (const { vnf, iface, spot } of plugs) {
    if (seen.has(`${vnf}/${iface}`)) spot.refuse(`interface ${iface} of ${vnf} is on this network already`, "remove it here");
    seen.add(`${vnf}/${iface}`);
  }
}
