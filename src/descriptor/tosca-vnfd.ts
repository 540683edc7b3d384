import type {
  CpBlueprint,
  ExtCpBlueprint,
  FlavourBlueprint,
  Instances,
  Needs,
  SwImageBlueprint,
  VduBlueprint,
  VipBlueprint,
  VnfBlueprint,
} from "../model/blueprint.ts";
import { readBootData } from "./boot-data.ts";
import { oneOf, quote } from "./flaw.ts";
import { toscaAddresses } from "./link-addresses.ts";
import { asWritten, type Spot } from "./spot.ts";
import { toscaSwImage } from "./sw-images.ts";
import { readToscaPackageChanges } from "./tosca-package-changes.ts";
import { readToscaScaling } from "./tosca-scaling.ts";
import { type NodeTemplate, requirementsOf, type Template } from "./tosca-template.ts";
import { sizeBytes, timeMs } from "./units.ts";
import { instancesOf, VDU_EXTENSIONS, vnfcsOf, wishOf } from "./wishes.ts";

const VNF = "VNF";
const VDU = "Vdu.Compute";
const CP = "VduCp";
const LINK = "VnfVirtualLink";
const STORAGE = "Vdu.VirtualBlockStorage";

/** A VNFD of ETSI GS NFV-SOL 001, in each of its deployment flavours. Our extensions stand in `metadata` of a VDU, where TOSCA lets anybody write. */
export function readToscaVnfd(template: Template): VnfBlueprint {
  const [first, ...more] = template.flavours;
  if (first === undefined) return { ...readInFlavour(template, undefined), ...changesOf([template]) };
  const others = more.map((id): FlavourBlueprint => {
    const { vdus, extCps, vips, flavour, links, scaling } = readInFlavour(template.inFlavour(id), id);
    return { vdus, extCps, vips, ...(flavour && { flavour }), ...(links && { links }), ...(scaling && { scaling }) };
  });
  const images = template.flavours.flatMap((id) => imagesOf(template.inFlavour(id)));
  return {
    ...readInFlavour(template.inFlavour(first), first),
    images: [...new Map(images.map((i) => [i.id, i])).values()],
    others,
    ...changesOf(template.flavours.map((id) => template.inFlavour(id))),
  };
}

/** In whichever of its files they are written, each once. */
function changesOf(templates: readonly Template[]): Pick<VnfBlueprint, "packageChanges"> {
  const all = templates.flatMap(readToscaPackageChanges).map((c) => [JSON.stringify(c), c] as const);
  return all.length === 0 ? {} : { packageChanges: [...new Map(all).values()] };
}

const imagesOf = (template: Template): SwImageBlueprint[] =>
  [...template.of(VDU), ...template.of(STORAGE)].flatMap(({ name, spot }) => toscaSwImage(name, spot) ?? []);

/** `id`: of the flavour; left out: its files say which it is, if any. */
function readInFlavour(template: Template, id: string | undefined): VnfBlueprint {
  const vnfs = template.of(VNF);
  const vnf = vnfs[0];
  const about = (property: string, what: string) => vnfProperty(template, vnfs, property, what);
  const vdus = template.of(VDU).map((node) => readVdu(node, template));
  if (vdus.length === 0) template.topologies[0]!.refuse("has no node of type tosca.nodes.nfv.Vdu.Compute", "write at least one");
  const scaling = readToscaScaling(
    template,
    vdus.map((v) => v.id),
  );
  return {
    id: about("descriptor_id", "the VNFD's id"),
    version: about("descriptor_version", "the VNFD's version"),
    name: about("product_name", "the product's name"),
    provider: about("provider", "the provider's name"),
    softwareVersion: about("software_version", "a version"),
    vdus,
    extCps: extCpsOf(template),
    vips: template.of("VipCp").map((node) => readVip(node, template)),
    images: imagesOf(template),
    ...flavourOf(template, vnfs, id),
    ...linksOf(template),
    ...(scaling && { scaling }),
    ...(vnf && { at: vnf.spot.at }),
  };
}

/** Internal links whose profile has addresses. */
function linksOf(template: Template): Pick<VnfBlueprint, "links"> {
  const links = template.of(LINK).flatMap(({ name, spot }) => {
    const addresses = toscaAddresses(spot);
    return addresses === null ? [] : [{ id: name, addresses }];
  });
  return links.length === 0 ? {} : { links };
}

/** The flavour that its service template is, and its levels. */
function flavourOf(template: Template, vnfs: readonly NodeTemplate[], known: string | undefined): Pick<VnfBlueprint, "flavour"> {
  const written = [...vnfs.map((n) => n.spot), ...template.topologies.map((t) => t.get("substitution_mappings"))];
  const found = written.map((s) => s.get("properties").get("flavour_id")).find((s) => s.isThere && s.value !== "");
  const id = known ?? (found && asWritten(found.value));
  if (id === undefined) return {};
  const general = template.policies.find((p) => p.get("type").value === "tosca.policies.nfv.InstantiationLevels");
  const first = general?.get("properties").get("default_level");
  const levels = (general?.get("properties").get("levels").entries("levels") ?? []).map(([level]) => level);
  return { flavour: { id, levels: [...new Set([...(first?.isThere ? [asWritten(first.value)] : []), ...levels])] } };
}

/** Of the VNF's node in any of the files; else what its type or the substitution says. */
function vnfProperty(template: Template, vnfs: readonly NodeTemplate[], property: string, what: string): string {
  const substituted = template.topologies.map((t) => t.get("substitution_mappings"));
  const written = [
    ...vnfs.map((n) => n.spot.get("properties").get(property)),
    ...substituted.map((s) => s.get("properties").get(property)),
  ].find((s) => s.isThere);
  if (written) return written.text(what);
  const types = [...vnfs.map((n) => n.type), ...substituted.map((s) => asWritten(s.get("node_type").value ?? ""))];
  const byDefault = types.map((t) => template.defaultOf(t, property)).find((v) => v !== undefined && v !== null);
  if (byDefault !== undefined) return asWritten(byDefault);
  const place = vnfs[0]?.spot.get("properties").get(property);
  if (place) return place.text(`${what}, here or as the default of its type`);
  template.topologies[0]!.refuse("has no node of a type derived from tosca.nodes.nfv.VNF", `write one with ${property}`);
  return "";
}

function readVdu({ name, spot }: NodeTemplate, template: Template): VduBlueprint {
  const properties = spot.get("properties");
  const metadata = spot.get("metadata");
  metadata.misspelt([...VDU_EXTENSIONS, "flavor"]);
  const instances = countsOf(name, properties.get("vdu_profile"), template);
  const software = imageNode({ name, spot }, template);
  const told = readBootData(properties);
  return {
    id: safeName(name, spot),
    image: imageName(software.spot).text("the name of an image in the VIM, at sw_image_data"),
    imageId: software.name,
    flavor: metadata.get("flavor").textOr(name, "the name of a flavor in the VIM"),
    needs: needsOf(spot),
    cps: cpsOf(name, template),
    instances,
    vnfcs: vnfcsOf(metadata),
    isKeptApart: template.policiesOf(name, "AntiAffinityRule").length > 0,
    maintenance: maintenanceIn(
      properties.get("vdu_profile").first("nfvi_maintenance_info", "nfvi_maintenance_information"),
      instances.initial,
    ),
    wish: wishOf(metadata),
    ...(told && { cloudConfig: told }),
    at: spot.at,
  };
}

/** Who has the image that it boots from: itself, else the first of its block storages that has one (SOL001 6.8.5). */
function imageNode(vdu: Pick<NodeTemplate, "name" | "spot">, template: Template): Pick<NodeTemplate, "name" | "spot"> {
  if (imageName(vdu.spot).isThere) return vdu;
  const reached = requirementsOf(vdu.spot).flatMap(([name, spot]) => {
    const node = spot.get("node").isThere ? spot.get("node") : spot;
    return name === "virtual_storage" ? template.of(STORAGE).filter((s) => s.name === node.value) : [];
  });
  return reached.find((s) => imageName(s.spot).isThere) ?? vdu;
}

/** In `sw_image_data`, or as a property of the artifact. */
function imageName(node: Spot): Spot {
  const own = node.get("properties").get("sw_image_data").get("name");
  const ofArtifact = node
    .get("artifacts")
    .entries("artifacts")
    .map(([, a]) => a.get("properties").get("name"));
  return own.isThere ? own : (ofArtifact.find((n) => n.isThere) ?? own);
}

function safeName(name: string, spot: Spot): string {
  if (name.length <= 40 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return name;
  spot.refuse(`${quote(name)} cannot be part of a server's name`, 'write letters, digits, ".", "_" and "-", at most 40');
  return name;
}

/** The profile's limits, and how many are made at first, by a level or an initial delta. */
function countsOf(vdu: string, profile: Spot, template: Template): Instances {
  const delta = template.policiesOf(vdu, "VduInitialDelta")[0]?.get("properties").get("initial_delta").get("number_of_instances");
  const levels = template.policiesOf(vdu, "VduInstantiationLevels")[0]?.get("properties").get("levels");
  const general = template.policies.find((p) => p.get("type").value === "tosca.policies.nfv.InstantiationLevels");
  const level = asWritten(general?.get("properties").get("default_level").value ?? levels?.keys()[0] ?? "");
  const byLevel = levels?.get(level).get("number_of_instances");
  return instancesOf(
    profile.get("min_number_of_instances"),
    profile.get("max_number_of_instances"),
    byLevel?.isThere ? byLevel : (delta ?? profile.get("\0")),
  );
}

/** SOL001 has times with their units. */
function maintenanceIn(spot: Spot, group: number) {
  if (!spot.isThere) return null;
  const ofGroup = (list: string, leaf: string) => {
    const rows = spot.get(list).items("numbers by size of group");
    const row = rows.find((r) => Number(r.get("group_size").value) === group) ?? (rows.length === 1 ? rows[0] : undefined);
    return row?.get(leaf).whole(0, 64, "a number of instances") ?? null;
  };
  return {
    maxInterruptionMs: timeMs(spot.get("max_undetectable_interruption_time"), "the longest interruption that is no failure"),
    recoveryMs: timeMs(spot.get("min_recovery_time_between_impacts"), "the time to recover between two impacts"),
    maxImpacted: ofGroup("max_number_of_impacted_instances", "max_number_of_impacted_instances"),
    minPreserved: ofGroup("min_number_of_preserved_instances", "min_number_of_preserved_instances"),
  };
}

function needsOf(vdu: Spot): Needs {
  const compute = vdu.get("capabilities").get("virtual_compute").get("properties");
  const memory = sizeBytes(compute.get("virtual_memory").get("virtual_mem_size"), "the memory");
  const [disk] = compute
    .get("virtual_local_storage")
    .items("disks")
    .map((d) => sizeBytes(d.get("size_of_storage"), "the size of the disk"));
  return {
    memoryMiB: memory === null ? null : Math.round(memory / 2 ** 20),
    vcpus: compute.get("virtual_cpu").get("num_virtual_cpu").whole(1, 1024, "a number of CPUs"),
    diskGiB: disk == null ? null : Math.ceil(disk / 2 ** 30),
  };
}

function cpsOf(vdu: string, template: Template): CpBlueprint[] {
  return template
    .of(CP)
    .filter((cp) => template.target(cp, "virtual_binding", VDU).some((v) => v.name === vdu))
    .map((cp) => ({
      id: safeName(cp.name, cp.spot),
      ip: fixedIp(cp.spot.get("properties")),
      link: template.target(cp, "virtual_link", LINK)[0]?.name ?? null,
      at: cp.spot.at,
    }));
}

function fixedIp(properties: Spot): string | null {
  for (const protocol of properties.get("protocol").items("protocols"))
    for (const address of protocol.get("address_data").items("addresses"))
      for (const ip of address.get("l3_address_data").get("fixed_ip_address").items("addresses")) {
        const found = ip.ip("its fixed address");
        if (found !== null) return found;
      }
  return null;
}

/** Which of its nodes are reached from outside: as the substitution maps the VNF's requirements, and each VnfExtCp. */
function extCpsOf(template: Template): ExtCpBlueprint[] {
  const mapped = template.topologies.flatMap((topology) => {
    const requirements = topology.get("substitution_mappings").get("requirements");
    const pairs = Array.isArray(requirements.value)
      ? requirements.items("requirements").flatMap((r) => r.entries("a requirement"))
      : requirements.entries("requirements");
    return pairs.flatMap(([id, spot]) => {
      const [node] = spot.items("a node and its requirement");
      return node === undefined ? [] : [{ id, spot: node }];
    });
  });
  const named = new Set(mapped.map((m) => asWritten(m.spot.value)));
  const own = template
    .of("VnfExtCp")
    .filter((n) => !named.has(n.name))
    .map((n) => ({ id: n.name, spot: n.spot, node: n }));
  return [...mapped.map((m) => ({ ...m, node: template.nodes.find((n) => n.name === m.spot.value) })), ...own].flatMap(
    ({ id, spot, node }) => {
      const place = { id, vdu: null, cp: null, link: null, at: spot.at };
      if (node?.kind === CP) return { ...place, ...bound(node, template) };
      if (node?.kind === "VnfExtCp")
        return { ...place, link: template.target(node, "internal_virtual_link", LINK)[0]?.name ?? null };
      if (node?.kind === "VipCp") return { ...place, ...bound(template.target(node, "target", CP)[0], template) };
      spot.refuse(`there is no connection point ${spot.said}`, oneOf(template.of(CP).map((n) => n.name)));
      return [];
    },
  );
}

const bound = (cp: NodeTemplate | undefined, template: Template) => ({
  vdu: (cp && template.target(cp, "virtual_binding", VDU)[0]?.name) ?? null,
  cp: cp?.name ?? null,
});

const VIP_FUNCTIONS = {
  high_availability: "HIGH_AVAILABILITY",
  load_balance: "LOAD_BALANCING",
  load_balancing: "LOAD_BALANCING",
} as const;

function readVip(node: NodeTemplate, template: Template): VipBlueprint {
  const properties = node.spot.get("properties");
  if (!requirementsOf(node.spot).some(([name]) => name === "target"))
    node.spot.refuse("is bound to no connection point", "write requirements: [target: a VduCp]");
  return {
    id: node.name,
    serves: properties.get("vip_function").word<"HIGH_AVAILABILITY" | "LOAD_BALANCING">(VIP_FUNCTIONS, "its function"),
    cps: template
      .target(node, "target", CP)
      .flatMap((cp) => template.target(cp, "virtual_binding", VDU).map((v) => `${v.name}/${cp.name}`)),
    ip: fixedIp(properties),
    at: node.spot.at,
  };
}
