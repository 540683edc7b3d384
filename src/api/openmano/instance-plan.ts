import { randomUUID } from "node:crypto";
import type { CloudConfig } from "../../model/cloud-config.ts";
import type { Nsd, Vdu, Vnfd } from "../../model/descriptor.ts";
import type {
  OmInstance,
  OmInstanceNet,
  OmInstanceVm,
  OmInstanceVnf,
  OmScenario,
  OmSceVnf,
  OmVm,
  OmVnf,
} from "../../model/openmano.ts";
import { plainVnf } from "./scenario-form.ts";
import { uuidOf } from "./vnf-form.ts";

// What an instance of a scenario is made of, decided before the VIM is asked for any of it: ids, names, and an NSD of its own.

/** A name of a server in the VIM, `<ns>-<vnfc>`, is cut by OpenVIM behind this. */
const SERVER_NAME_MAX = 64;
const NS_NAME_MAX = 24;

export interface InstanceGround {
  readonly scenario: OmScenario;
  /** The VNFs of the scenario, and all others that the tenant sees: images are known by the names that they give. */
  readonly vnfs: readonly OmVnf[];
  readonly nets: readonly OmInstanceNet[];
  readonly attachmentId: string;
  readonly datacenterId: string;
  /** Names that NSs have. */
  readonly nsNames: ReadonlySet<string>;
}

export interface InstanceWish {
  readonly name: string;
  readonly description: string | null;
  readonly tenantId: string;
  readonly isReserved: boolean;
  /** What cloud-init in all its VMs is told, beside what each of them is. */
  readonly told: CloudConfig | null;
  readonly now: string;
}

export function planInstance(wish: InstanceWish, ground: InstanceGround): OmInstance {
  const { scenario } = ground;
  const nsName = nsNameOf(wish.name, ground.nsNames);
  const made = madeVnfcs(scenario, ground.vnfs, nsName);
  const netOf = netLookup(scenario, ground.nets);
  const images = new Map<string, OmInstance["images"][number]>();
  const flavors = new Map<string, OmInstance["flavors"][number]>();
  const vdus = scenario.vnfd.vdus.map((vdu): Vdu => {
    const { vm } = made.get(vdu.vnfcs[0]!.id)!;
    const image = { ...imageOf(vm, ground.vnfs), id: uuidOf(`image ${ground.attachmentId} ${vm.image.path ?? vm.image.name}`) };
    const { name, ...needs } = vm.flavor;
    const id = uuidOf(`flavor ${ground.attachmentId} ${JSON.stringify(needs)}`);
    const flavor = { ...needs, name: `${name.slice(0, 200)}-${id.slice(0, 8)}`, id };
    const [usedImage, usedFlavor] = [images.get(image.id) ?? image, flavors.get(id) ?? flavor];
    images.set(image.id, usedImage);
    flavors.set(id, usedFlavor);
    const cloudConfig = bothTold(vdu.cloudConfig, wish.told);
    return { ...renamedVdu(vdu, made), image: usedImage.id, flavor: usedFlavor.name, ...(cloudConfig && { cloudConfig }) };
  });
  const uuid = randomUUID();
  const ref = `openmano-${uuid}`;
  const vnfd: Vnfd = { id: `${ref}-vnfs`, name: `the VNFs of ${wish.name}`, version: "1", vdus };
  return {
    uuid,
    ...{ tenantId: wish.tenantId, name: wish.name, description: wish.description, createdAt: wish.now },
    ...{ scenarioId: scenario.uuid, scenarioName: scenario.name },
    ...{ datacenterId: ground.datacenterId, attachmentId: ground.attachmentId },
    nets: ground.nets,
    vnfs: scenario.vnfs.map((v, i) => instanceVnf(v, i, ground, made, netOf, nsName)),
    images: [...images.values()],
    flavors: [...flavors.values()],
    nsName,
    nsd: { ...renamedNsd(scenario.nsd, made, netOf), id: ref, name: wish.name, version: "1", vnfd: vnfd.id },
    vnfd,
    ...{ state: "WANTED", failed: null, isReserved: wish.isReserved },
  };
}

function bothTold(own: CloudConfig | undefined, all: CloudConfig | null): CloudConfig | null {
  if (own === undefined || all === null) return own ?? all;
  return {
    keyPairs: [...own.keyPairs, ...all.keyPairs],
    users: [...own.users, ...all.users],
    userData: [...own.userData, ...all.userData],
    configFiles: [...own.configFiles, ...all.configFiles],
  };
}

const plain = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "x";

function nsNameOf(name: string, taken: ReadonlySet<string>): string {
  const short = plain(name).slice(0, NS_NAME_MAX);
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? short : `${short}-${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** A VNFC of the compiled scenario: which VM of which VNF it is, and its name here. */
interface Made {
  readonly vnfc: string;
  readonly vm: OmVm;
  readonly index: number;
}

function madeVnfcs(scenario: OmScenario, vnfs: readonly OmVnf[], nsName: string): ReadonlyMap<string, Made> {
  const taken = new Set<string>();
  const room = SERVER_NAME_MAX - nsName.length - 1;
  const ids = scenario.vnfd.vdus.flatMap((vdu) => vdu.vnfcs.map((v) => v.id));
  return new Map(
    ids.map((id) => {
      const isAlone = scenario.vnfs.length === 1;
      const index = isAlone ? 0 : Number(/^v(\d+)-/.exec(id)?.[1] ?? 0);
      const own = isAlone ? id : id.slice(plainVnf(index).length + 1);
      const { vm, n } = vmNamed(vnfs.find((v) => v.uuid === scenario.vnfs[index]!.vnfId)!, own);
      const full = `${plain(scenario.vnfs[index]!.name)}-${plain(vm.name)}-${n}`;
      const short = full.length <= room && !taken.has(full) ? full : `${full.slice(0, room - 6)}-${uuidOf(id).slice(0, 5)}`;
      taken.add(short);
      return [id, { vnfc: short, vm, index }];
    }),
  );
}

/** The compiler numbers the VNFCs of a VDU where there are several. */
function vmNamed(vnf: OmVnf, own: string): { readonly vm: OmVm; readonly n: number } {
  const whole = vnf.vms.find((vm) => plain(vm.name) === own);
  if (whole) return { vm: whole, n: 1 };
  const [, stem = own, n = "1"] = /^(.*)-(\d+)$/.exec(own) ?? [];
  return { vm: vnf.vms.find((vm) => plain(vm.name) === stem) ?? vnf.vms[0]!, n: Number(n) };
}

/** An image that is known by its name alone may be one that another VNF gives the path of. */
function imageOf(vm: OmVm, vnfs: readonly OmVnf[]): OmVm["image"] {
  if (vm.image.path !== null) return vm.image;
  const giver = vnfs.flatMap((v) => v.vms).find((o) => o.image.path !== null && o.image.name === vm.image.name);
  return giver?.image ?? vm.image;
}

const renamedVdu = (vdu: Vdu, made: ReadonlyMap<string, Made>): Vdu => ({
  ...vdu,
  vnfcs: vdu.vnfcs.map((v) => ({
    ...v,
    id: made.get(v.id)!.vnfc,
    replicated: v.replicated === null ? null : (made.get(v.replicated)?.vnfc ?? null),
  })),
  groups: vdu.groups.map((g) => ({ ...g, vnfcs: g.vnfcs.map((v) => made.get(v)?.vnfc ?? v) })),
});

/** A net by the name that the compiled scenario has for it. */
type NetLookup = (name: string) => OmInstanceNet | undefined;

function netLookup(scenario: OmScenario, nets: readonly OmInstanceNet[]): NetLookup {
  const byName = new Map<string, OmInstanceNet>();
  for (const net of nets) {
    if (net.sceNetId !== null) byName.set(net.sceNetId, net);
    else byName.set(net.key ?? net.uuid, net);
  }
  return (name) => byName.get(name) ?? (scenario.vnfs.length === 1 ? byName.get(`${plainVnf(0)}-${name}`) : undefined);
}

const renamedNsd = (nsd: Nsd, made: ReadonlyMap<string, Made>, netOf: NetLookup): Nsd => ({
  ...nsd,
  nets: Object.fromEntries(Object.entries(nsd.nets).map(([cp, net]) => [cp, netOf(net)?.vimNetId ?? net])),
  vimAccounts: {},
  ...(nsd.vnfs && { vnfs: nsd.vnfs.map((vnf) => ({ ...vnf, vnfcs: vnf.vnfcs.map((v) => made.get(v)?.vnfc ?? v) })) }),
  members: nsd.members.map((m) => ({
    ...m,
    vnfc: made.get(m.vnfc)?.vnfc ?? m.vnfc,
    dataNet: netOf(m.dataNet)?.vimNetId ?? m.dataNet,
    trafficNets: m.trafficNets.map((n) => netOf(n)?.vimNetId ?? n),
  })),
});

function instanceVnf(
  of: OmSceVnf,
  index: number,
  { scenario, vnfs }: InstanceGround,
  made: ReadonlyMap<string, Made>,
  netOf: NetLookup,
  nsName: string,
): OmInstanceVnf {
  const vnf = vnfs.find((v) => v.uuid === of.vnfId)!;
  const cpsOf = (vdu: Vdu, vnfc: string, vm: OmVm): OmInstanceVm["interfaces"] =>
    vm.interfaces.map((i) => {
      const cp = vdu.cps.find((c) => c.id === i.internalName) ?? vdu.cps.find((c) => c.id.endsWith(`-${i.internalName}`));
      const dataNet = scenario.nsd.members.find((m) => m.vnfc === vnfc)?.dataNet;
      const name = cp?.id === vdu.serviceInterface && dataNet !== undefined ? dataNet : scenario.nsd.nets[cp?.id ?? ""];
      const net = name === undefined ? undefined : netOf(name);
      const { internalName, externalName, type } = i;
      return { internalName, externalName, type, netId: net?.uuid ?? null, cp: cp?.id ?? null };
    });
  const vms = scenario.vnfd.vdus.flatMap((vdu) =>
    vdu.vnfcs.flatMap((v): OmInstanceVm[] => {
      const one = made.get(v.id)!;
      if (one.index !== index) return [];
      const { uuid: vmId, name } = one.vm;
      const vimName = `${nsName}-${one.vnfc}`;
      return [{ uuid: randomUUID(), vmId, name, vnfc: one.vnfc, vimName, interfaces: cpsOf(vdu, v.id, one.vm) }];
    }),
  );
  return { uuid: randomUUID(), vnfId: vnf.uuid, vnfName: of.name, sceVnfId: of.uuid, vms };
}
