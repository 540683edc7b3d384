import type {
  ConnectionBlueprint,
  LinkBlueprint,
  MemberBlueprint,
  NsBlueprint,
  SteeringBlueprint,
  VnfUse,
} from "../model/blueprint.ts";
import { DASHES, linkAddresses } from "./link-addresses.ts";
import { initialLevel, readNsScaling } from "./sol006-ns-scaling.ts";
import { isKeptApart, named, refuseRepeated, refuseUnnamed } from "./sol006-vnfd.ts";
import { asWritten, type Spot } from "./spot.ts";
import { instancesOf, levelOf } from "./wishes.ts";

/** An NSD in the words of ETSI GS NFV-SOL 006, of OSM's dialect of it too, in each of its deployment flavours. */
export function readNsd(nsd: Spot): NsBlueprint {
  nsd.object("an NSD");
  const flavours = nsd.get("df").items("deployment flavours", 1);
  if (flavours.length > 1) refuseUnnamed(flavours);
  refuseRepeated(flavours, "df");
  refuseRepeated(nsd.get("virtual-link-desc").items("virtual links"), "virtual-link-desc");
  if (nsd.get("nested-nsd-id").isThere) refuseNested(nsd);
  const [first, ...others] = (flavours.length === 0 ? [undefined] : flavours).map((flavour) => readInFlavour(nsd, flavour));
  return { ...first!, ...(others.length > 0 && { others }) };
}

function readInFlavour(nsd: Spot, flavour: Spot | undefined): NsBlueprint {
  const links = nsd.get("virtual-link-desc").items("virtual links");
  const uses = flavour?.get("vnf-profile").items("VNF profiles", 1) ?? [];
  refuseRepeated(uses, "vnf-profile");
  const level = flavour === undefined ? null : levelOf(flavour.get("service-availability-level"));
  for (const use of level === null ? [] : uses)
    if (use.get("service-availability-level").isThere)
      use
        .get("service-availability-level")
        .refuse("the flavour of the NS has a level too", "write one of the two (IFA 014 6.3.2.2)");
  const scaling = readNsScaling(
    flavour,
    uses.flatMap((use) => use.get("id").asName ?? []),
  );
  return {
    id: nsd.get("id").text("the NSD's id"),
    version: nsd.get("version").text('the NSD\'s version, such as "1.0"'),
    name: nsd.first("name", "id").text("the NSD's name"),
    designer: nsd.get("designer").textOr(null, "the designer's name"),
    ...(flavour?.get("id").isThere && { flavour: asWritten(flavour.get("id").value) }),
    level,
    uses: uses.map((use) => readUse(use, flavour!, nsd)),
    links: links.map((link) => readLink(link, flavour)),
    steering: nsd
      .get("vnffgd")
      .items("forwarding graphs")
      .flatMap((graph) => readSteering(graph)),
    ...(scaling && { scaling }),
    makesNets: true,
    at: nsd.at,
  };
}

/** A cycle of NSs is told as such; NSs in NSs are not run. */
function refuseNested(nsd: Spot): void {
  const nested = nsd.get("nested-nsd-id");
  const ids = nested.items("ids of NSDs").map((s) => s.value);
  if (ids.includes(nsd.get("id").value)) nested.refuse("the NS contains itself", "remove its own id");
  else nested.refuse("an NS in another NS is not possible here", "put its VNF profiles into this NSD");
}

function readLink(link: Spot, flavour: Spot | undefined): LinkBlueprint {
  const id = link.object("a virtual link").get("id").text("an id");
  const named = link.first("vim-network-name", "vim-network-id");
  const profile = flavour
    ?.get("virtual-link-profile")
    .items("virtual link profiles")
    .find((p) => p.get("virtual-link-desc-id").value === id);
  const addresses = profile ? linkAddresses(profile.get("virtual-link-protocol-data"), DASHES) : null;
  return {
    id,
    net: named.textOr(id, "the name of a net in the VIM"),
    ...(named.isThere && { isOfVim: true }),
    ...(addresses && { addresses }),
    at: link.at,
  };
}

function readUse(use: Spot, flavour: Spot, nsd: Spot): VnfUse {
  const id = use.get("id").text("an id");
  const count = initialLevel(flavour)
    ?.get("vnf-to-level-mapping")
    .items("numbers of VNFs")
    .find((m) => m.get("vnf-profile-id").value === id);
  const vnfLevel = use.get("instantiation-level").textOr(null, "the id of an instantiation level of its VNFD");
  const vnfFlavour = use.get("flavour-id").textOr(null, "the id of a deployment flavour of its VNFD");
  return {
    id,
    vnfd: use.get("vnfd-id").text("the id of a VNFD"),
    ...(vnfFlavour !== null && { vnfFlavour }),
    ...(vnfLevel !== null && { vnfLevel }),
    instances: instancesOf(
      use.get("min-number-of-instances"),
      use.get("max-number-of-instances"),
      count?.get("number-of-instances") ?? use.get("\0"),
    ),
    isKeptApart: isKeptApart(use, flavour),
    level: levelOf(use.get("service-availability-level")),
    connections: use
      .get("virtual-link-connectivity")
      .items("connections")
      .flatMap((c) => readConnections(c, flavour, nsd)),
    members: use
      .get("member")
      .items("members")
      .map((m) => readMember(m, flavour, nsd)),
    at: use.at,
  };
}

/** The id of a virtual-link-desc by way of its profile; OSM writes that of the link itself. */
function linkOf(reference: Spot, flavour: Spot, nsd: Spot): string {
  const id = reference.text("the id of a virtual-link-profile");
  const profile = flavour
    .get("virtual-link-profile")
    .items("virtual link profiles")
    .find((p) => p.get("id").value === id);
  const link = profile?.get("virtual-link-desc-id") ?? reference;
  if (id !== "") named(link, nsd.get("virtual-link-desc"), "virtual-link-desc");
  return link.isThere ? asWritten(link.value) : id;
}

function readConnections(connection: Spot, flavour: Spot, nsd: Spot): ConnectionBlueprint[] {
  const link = linkOf(connection.get("virtual-link-profile-id"), flavour, nsd);
  return connection
    .get("constituent-cpd-id")
    .items("connection points", 1)
    .map((cp) => {
      const inner = cp.get("constituent-cpd-id");
      return { link, extCp: (inner.isThere ? inner : cp).text("the id of an ext-cpd of the VNF"), at: cp.at };
    });
}

const MEMBER_KEYS = ["vnfc-id", "data-net", "virtual-link-profile-id", "capacity", "vim-account"];

function readMember(member: Spot, flavour: Spot, nsd: Spot): MemberBlueprint {
  member.object("a member").only(MEMBER_KEYS);
  const links = member.get("virtual-link-profile-id");
  return {
    vnfc: member.get("vnfc-id").text("the id of a VNFC"),
    dataNet: member.get("data-net").textOr(null, "the name of a net in the VIM"),
    links: links.isThere ? links.items("ids of virtual links").map((l) => linkOf(l, flavour, nsd)) : null,
    capacity: member.get("capacity").whole(1, 64, "how many traffic nets it may carry"),
    vimAccount: member.get("vim-account").textOr(null, "the name of a VIM account"),
    at: member.at,
  };
}

const BEHAVIOURS = { all: "ALL", lb: "LB" } as const;

/** Each position of a path names elements of its graph, which name a VNF profile and perhaps a CPD. */
function readSteering(graph: Spot): SteeringBlueprint[] {
  const elements = graph.get("nfp-position-element");
  return graph
    .get("nfpd")
    .items("forwarding paths")
    .flatMap((path) =>
      path
        .get("position-desc")
        .items("positions")
        .flatMap((position) => {
          const behaviour = position.get("forwarding-behaviour").word<"ALL" | "LB">(BEHAVIOURS, "a forwarding behaviour");
          if (behaviour === null) return [];
          const input = position.first("forwarding-behaviour-input-parameters", "forwarding-behavior-input-parameters");
          const algorithm = (
            typeof input.value === "string" ? input : input.first("algorithm-name", "algortihmName", "algorithmName")
          ).textOr(null, "an algorithm");
          return position
            .get("nfp-position-element-id")
            .items("elements")
            .flatMap((reference) => {
              const element = named(reference, elements, "nfp-position-element");
              const description = element?.get("desc").isThere ? element.get("desc") : element;
              const use = description?.get("vnf-profile").get("vnf-profile-id");
              if (description === undefined || !use?.isThere) return [];
              const cp = description.get("vnf").get("cpd-id");
              return [
                {
                  use: use.text("the id of a VNF profile"),
                  extCp: cp.textOr(null, "the id of an ext-cpd"),
                  behaviour,
                  algorithm: algorithm === null ? null : plainAlgorithm(algorithm),
                  at: position.at,
                },
              ];
            });
        }),
    );
}

/** "algorithm=SOURCE_IP_HASH", "source-ip-hash" → SOURCE_IP_HASH (SOL005 `LbAlgorithm`). */
const plainAlgorithm = (text: string): string =>
  text
    .replace(/^.*[=:]\s*/, "")
    .trim()
    .replaceAll("-", "_")
    .toUpperCase();
