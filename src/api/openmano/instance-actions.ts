import { FAULTS, Fault } from "../../lib/fault.ts";
import type { NsView } from "../../model/ns.ts";
import type { OmInstance, OmInstanceVm } from "../../model/openmano.ts";
import type { Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { checked, instanceAction } from "./bodies.ts";
import type { Call } from "./call.ts";
import type { VimByHand } from "./doors.ts";
import { addressOf } from "./find.ts";
import { namedInstance, siteOfInstance } from "./instances.ts";

/** An instance that was made a moment ago is waited for: its VMs cannot do anything yet. */
const PATIENCE_MS = 20_000;

/** One action on the VMs that are named, or on all; how it went is told of each. */
export async function actOnInstance(call: Call) {
  const { vnfs, vms, ...body } = checked(instanceAction, call.body());
  const actions = Object.entries(body);
  if (actions.length !== 1)
    throw new WireError(400, `Invalid content want exactly one action, got ${actions.map(([k]) => k).join(", ") || "none"}`);
  const [action] = actions as [[string, unknown]];
  const instance = await namedInstance(call);
  const chosen = chosenVms(instance, vnfs, vms);
  await call.doors.settled(instance.uuid, PATIENCE_MS);
  const ns = call.doors.nsOf(instance);
  const site = await siteOfInstance(call, instance);
  const outcomes = await call.doors.withVim(addressOf(site), (vim) =>
    Promise.all(chosen.map((vm) => outcomeOf(vm, ns, action, vim))),
  );
  return Object.fromEntries(chosen.map((vm, i): [string, Wire] => [vm.uuid, { ...outcomes[i]!, name: vm.name }]));
}

/** Throws 404 for a VNF or VM that the instance has not. */
function chosenVms({ vnfs }: OmInstance, wantedVnfs: readonly string[] = [], wantedVms: readonly string[] = []): OmInstanceVm[] {
  const isVnf = (v: OmInstance["vnfs"][number], w: string) => [v.uuid, v.vnfName, v.sceVnfId].includes(w);
  const isVm = (vm: OmInstanceVm, w: string) => [vm.uuid, vm.name, vm.vimName].includes(w);
  const all = vnfs.flatMap((v) => v.vms);
  for (const w of wantedVnfs)
    if (!vnfs.some((v) => isVnf(v, w))) throw new WireError(404, `No vnf found with name or uuid '${w}'`);
  for (const w of wantedVms) if (!all.some((vm) => isVm(vm, w))) throw new WireError(404, `No vm found with name or uuid '${w}'`);
  if (wantedVnfs.length + wantedVms.length === 0) return all;
  return vnfs.flatMap((v) => v.vms.filter((vm) => wantedVnfs.some((w) => isVnf(v, w)) || wantedVms.some((w) => isVm(vm, w))));
}

async function outcomeOf(vm: OmInstanceVm, ns: NsView | null, [kind, about]: [string, unknown], vim: VimByHand): Promise<Wire> {
  if (kind === "console") return { vim_result: 503, description: "getting console is not available at openvim" };
  const vnfc = ns?.vnfcs.find((v) => v.name === vm.vnfc);
  if (vnfc === undefined || ns?.state !== "INSTANTIATED")
    return { vim_result: 409, description: `the VM is not there yet: its instance is ${ns?.state ?? "being made"}` };
  try {
    await vim.act(vnfc.vimServerId, { [kind]: about ?? null });
    return { vim_result: 200, description: "ok" };
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
    return { vim_result: Number(e.about.status ?? FAULTS[e.code].http), description: e.detail };
  }
}
