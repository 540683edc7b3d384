import type { PackageChange } from "../model/blueprint.ts";
import type { Spot } from "./spot.ts";
import type { Template } from "./tosca-template.ts";

const QUALIFIERS = ["up", "down"];

/** From which packages to which a VNF may be changed, by the policies of a SOL001 VNFD (6.10.15 VnfPackageChange). */
export const readToscaPackageChanges = (template: Template): PackageChange[] =>
  template.policies.filter((p) => p.get("type").value === "tosca.policies.nfv.VnfPackageChange").flatMap(changesIn);

function changesIn(policy: Spot): PackageChange[] {
  const properties = policy.get("properties").object("selector, modification_qualifier, destination_flavour_id");
  const qualifier = properties.get("modification_qualifier");
  if (!QUALIFIERS.includes(qualifier.text("up or down").toLowerCase()) && qualifier.isThere)
    qualifier.refuse(`is ${qualifier.said}`, "write up or down");
  const toFlavour = properties.get("destination_flavour_id").text("the id of a deployment flavour of the destination");
  return properties
    .get("selector")
    .items("VNFDs that a change leads from and to", 1)
    .map((s) => ({
      from: s.get("source_descriptor_id").text("the id of a VNFD"),
      fromFlavour: s.get("source_flavour_id").text("the id of a deployment flavour of the source"),
      to: s.get("destination_descriptor_id").text("the id of a VNFD"),
      toFlavour,
    }));
}
