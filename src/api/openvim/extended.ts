import type { Extended, ExtendedInterface, ExtendedNuma } from "../../model/numa.ts";
import { WireError } from "../wire-error.ts";
import { type Call, needAdmin } from "./call.ts";

const KINDS = ["cores", "threads", "paired-threads"] as const;

/**
 * The rules of `extended` that no schema can say, in the original's words. Throws 503 for what it never could, else 400. Only a server
 * can name the net of an interface.
 */
export function checkExtended(extended: Extended, of: "flavor" | "server", call: Call): void {
  const numas = extended.numas ?? [];
  // Written as XML a device can be anything of the host, such as its disk.
  if (extended.devices?.some((d) => d.type === "xml")) needAdmin(call, "Needed admin privileges for a device of type xml");
  for (const [i, numa] of numas.entries()) {
    checkKinds(numa, i);
    checkInterfaces(numa.interfaces ?? [], i, of);
  }
  if (numas.length > 1) throw new WireError(503, "only one numa can be defined in this version ");
  checkIds(numas.flatMap((numa) => KINDS.flatMap((kind) => numa[`${kind}-id`]?.flat() ?? [])));
}

function checkKinds(numa: ExtendedNuma, index: number): void {
  const kinds = KINDS.filter((k) => numa[k] !== undefined);
  for (const kind of kinds) {
    const ids = numa[`${kind}-id`];
    if (ids && ids.length !== numa[kind]) {
      throw new WireError(400, `different number of ${kind}-id (${ids.length}) than ${kind} (${numa[kind]}) at numa ${index}`);
    }
  }
  const pairs = numa["paired-threads-id"] ?? [];
  if (pairs.some((pair) => pair.length !== 2))
    throw new WireError(400, `paired-threads-id must contain a list of two elements list at numa ${index}`);
  if (kinds.length > 1)
    throw new WireError(503, `only one of cores, threads, paired-threads are allowed in this version at numa ${index}`);
  const stray = KINDS.find((k) => numa[`${k}-id`] !== undefined && numa[k] === undefined);
  if (stray) throw new WireError(400, `${stray}-id without ${stray} at numa ${index}`);
}

function checkInterfaces(interfaces: readonly ExtendedInterface[], numa: number, of: "flavor" | "server"): void {
  const [names, vpcis] = [new Set<string>(), new Set<string>()];
  for (const [i, { name, vpci, uuid, mac_address, dedicated }] of interfaces.entries()) {
    const where = `at numa ${numa}, interface ${name ?? ""} position ${i}`;
    if (uuid !== undefined && of === "flavor")
      throw new WireError(400, `uuid field is not allowed at numa ${numa} interface ${name ?? ""} position ${i}`);
    if (mac_address !== undefined && dedicated === "yes")
      throw new WireError(400, `mac_address can not be set for dedicated (passthrough) ${where}`);
    if (name !== undefined && names.has(name)) throw new WireError(400, `name repeated ${where}`);
    if (vpci !== undefined && vpcis.has(vpci)) throw new WireError(400, `vpci ${vpci} repeated ${where}`);
    if (name !== undefined) names.add(name);
    if (vpci !== undefined) vpcis.add(vpci);
  }
}

/** Of the guest's CPUs, over all of them. */
function checkIds(ids: readonly number[]): void {
  const missing = ids.findIndex((_, i) => !ids.includes(i));
  if (missing !== -1)
    throw new WireError(400, `core/thread identifiers must start at 0 and gaps are not alloed. Missing id number ${missing}`);
}
