import type { ConnectionBlueprint, NsBlueprint, SteeringBlueprint, VnfUse } from "../model/blueprint.ts";
import { toscaAddresses } from "./link-addresses.ts";
import { asWritten } from "./spot.ts";
import { initialNsLevel, readToscaNsScaling, toscaCountAt } from "./tosca-ns-scaling.ts";
import { type NodeTemplate, requirementsOf, type Template } from "./tosca-template.ts";
import { instancesOf, levelOf } from "./wishes.ts";

const LINK = "NsVirtualLink";

export const isNsd = (template: Template): boolean => template.of("NS").length > 0;

/** An NSD of ETSI GS NFV-SOL 001: an NS, its VNFs with what their requirements are connected to, and its virtual links. */
export function readToscaNsd(template: Template): NsBlueprint {
  const ns = template.of("NS")[0]!;
  const about = (property: string) => ns.spot.get("properties").get(property);
  const vnfs = template.nodes.filter(isVnf);
  if (vnfs.length === 0) ns.spot.refuse("contains no VNF", "write a node of its type, with descriptor_id");
  const scaling = readToscaNsScaling(
    template,
    vnfs.map((v) => v.name),
  );
  const level = levelOf(about("service_availability_level"));
  return {
    id: about("descriptor_id").text("the NSD's id"),
    version: about("version").text("the NSD's version"),
    name: about("name").text("the NSD's name"),
    designer: about("designer").textOr(null, "the designer's name"),
    ...(about("flavour_id").isThere && { flavour: asWritten(about("flavour_id").value) }),
    level,
    uses: vnfs.map((node) => readUse(node, template)),
    links: template.of(LINK).map(({ name, spot }) => {
      const named = spot.get("metadata").get("vim-network-name");
      const net = named.textOr(name, "the name of a net in the VIM");
      const addresses = toscaAddresses(spot);
      return { id: name, net, ...(named.isThere && { isOfVim: true as const }), ...(addresses && { addresses }), at: spot.at };
    }),
    ...(scaling && { scaling }),
    makesNets: true,
    steering: template.of("NfpPosition").flatMap((node) => readSteering(node, template)),
    at: ns.spot.at,
  };
}

/** Its type may be defined in the VNF's package, which is not here: then it is known by what it says. */
const isVnf = (node: NodeTemplate): boolean =>
  node.kind === "VNF" || (!node.type.startsWith("tosca.nodes.") && node.spot.get("properties").get("descriptor_id").isThere);

function readUse({ name, spot, type }: NodeTemplate, template: Template): VnfUse {
  const profile = spot.get("properties").get("vnf_profile");
  const id = spot.get("properties").get("descriptor_id");
  const vnfLevel = profile.get("instantiation_level").textOr(null, "the id of an instantiation level of its VNFD");
  const vnfFlavour = spot.get("properties").get("flavour_id").textOr(null, "the id of a deployment flavour of its VNFD");
  const byDefault = template.defaultOf(type, "descriptor_id");
  return {
    id: name,
    vnfd: !id.isThere && byDefault !== undefined ? asWritten(byDefault) : id.text("the id of a VNFD"),
    ...(vnfLevel !== null && { vnfLevel }),
    ...(vnfFlavour !== null && { vnfFlavour }),
    instances: instancesOf(
      profile.get("min_number_of_instances"),
      profile.get("max_number_of_instances"),
      toscaCountAt(template, name, initialNsLevel(template) ?? "") ?? profile.get("\0"),
    ),
    isKeptApart: template.policiesOf(name, "AntiAffinityRule").length > 0,
    level: levelOf(profile.get("service_availability_level")),
    connections: requirementsOf(spot).flatMap(([requirement, target]): ConnectionBlueprint[] => {
      const reference = target.get("node").isThere ? target.get("node") : target;
      const link = template.of(LINK).find((l) => l.name === reference.value);
      if (!link) reference.refuse(`there is no NsVirtualLink ${reference.said}`, "write the name of a node of that type");
      return link ? [{ link: link.name, extCp: requirement, at: target.at }] : [];
    }),
    members: [],
    at: spot.at,
  };
}

const BEHAVIOURS = { all: "ALL", lb: "LB" } as const;

function readSteering(node: NodeTemplate, template: Template): SteeringBlueprint[] {
  const properties = node.spot.get("properties");
  const behaviour = properties.get("forwarding_behaviour").word<"ALL" | "LB">(BEHAVIOURS, "a forwarding behaviour");
  if (behaviour === null) return [];
  const algorithm = properties.get("forwarding_behaviour_input_parameters").get("algorithm_name").textOr(null, "an algorithm");
  const elements = template.target(node, "element", "NfpPositionElement");
  return elements.flatMap((element) =>
    requirementsOf(element.spot)
      .filter(([name]) => name === "profile_element")
      .map(([, target]) => ({
        use: asWritten(target.get("node").value ?? target.value),
        extCp: null,
        behaviour,
        algorithm: algorithm === null ? null : algorithm.replaceAll("-", "_").toUpperCase(),
        at: node.spot.at,
      })),
  );
}
