import { randomUUID } from "node:crypto";
import type { OmInstanceNet, OmNetmap, OmSceNet, OmScenario, OmVnf } from "../../model/openmano.ts";
import { WireError } from "../wire-error.ts";
import type { VimRow } from "./doors.ts";
import { matching } from "./find.ts";
import { plainVnf } from "./scenario-form.ts";

// Which net of the VIM each net of an instance is: one that is there, or one that is to be made.

/** What a request says of one net of the scenario. */
export interface NetWish {
  readonly "netmap-use"?: string | undefined;
  /** With a name, or null for the usual one. */
  readonly "netmap-create"?: string | null | undefined;
  readonly "vim-network-name"?: string | undefined;
}

export interface NetGround {
  readonly instance: string;
  readonly datacenter: string;
  readonly netmaps: readonly OmNetmap[];
  readonly wishes: Readonly<Record<string, NetWish>>;
  /** What the VIM has; asked only where it is needed. */
  readonly vimNets: () => Promise<readonly VimRow[]>;
}

/** Throws 400 for one that the VIM has not, or more than once. */
export async function planNets(scenario: OmScenario, vnfs: readonly OmVnf[], ground: NetGround): Promise<OmInstanceNet[]> {
  const nets: OmInstanceNet[] = [];
  for (const net of scenario.nets) nets.push(await sceNet(net, ground));
  for (const [i, { vnfId }] of scenario.vnfs.entries()) {
    const inner = vnfs.find((v) => v.uuid === vnfId)?.nets ?? [];
    for (const { uuid, name, type, ipProfile } of inner)
      nets.push({
        ...made(`${ground.instance}.${name}`, type, ipProfile),
        vnfNetId: uuid,
        key: `${plainVnf(i)}-${uuid}`,
      });
  }
  for (const { dataNet } of scenario.nsd.members) nets.push(await memberNet(dataNet, ground));
  return nets;
}

const KINDS = { bridge: "bridge_data", data: "data", ptp: "ptp" } as const;

const made = (vimName: string, type: OmSceNet["type"], ipProfile: OmInstanceNet["ipProfile"]): OmInstanceNet => ({
  uuid: randomUUID(),
  sceNetId: null,
  vnfNetId: null,
  vimNetId: randomUUID(),
  vimName,
  created: true,
  kind: KINDS[type],
  ipProfile,
  key: null,
});

const found = (vimNetId: string, type: OmSceNet["type"]): OmInstanceNet => ({
  ...made("", type, null),
  vimNetId,
  vimName: null,
  created: false,
});

async function sceNet(net: OmSceNet, ground: NetGround): Promise<OmInstanceNet> {
  return { ...(await netFor(net, ground)), sceNetId: net.uuid };
}

async function netFor(net: OmSceNet, ground: NetGround): Promise<OmInstanceNet> {
  const wish = ground.wishes[net.name] ?? ground.wishes[net.uuid] ?? {};
  const use = wish["netmap-use"];
  const usual = `${ground.instance}.${net.name}`;
  if (use !== undefined) return found(await vimNetOf(use, ground), net.type);
  if (wish["netmap-create"] !== undefined) return made(wish["netmap-create"] ?? usual, net.type, net.ipProfile);
  const inVim = wish["vim-network-name"] ?? net.vimNetworkName;
  if (inVim !== null && inVim !== undefined) return found(await vimNetOf(inVim, ground), net.type);
  return net.external ? found(await vimNetOf(net.name, ground), net.type) : made(usual, net.type, net.ipProfile);
}

/** By a netmap, else by what the VIM calls it. */
async function vimNetOf(name: string, { netmaps, vimNets, datacenter }: NetGround): Promise<string> {
  const mapped = matching(netmaps, name)[0];
  if (mapped) return mapped.vimNetId;
  const there = (await vimNets()).filter((n) => n.id === name || n.name === name);
  if (there.length === 1) return String(there[0]!.id);
  const [count, remedy] =
    there.length === 0
      ? ["No", "import the nets of the VIM (netmaps/upload), or name one with netmap-use"]
      : ["More than one", "name one by its id with netmap-use"];
  throw new WireError(400, `${count} candidate VIM network found for '${name}' at datacenter '${datacenter}': ${remedy}`);
}

/** The net that a protected VM is reached over: the VIM's, where it has one of that name. */
async function memberNet(dataNet: string, ground: NetGround): Promise<OmInstanceNet> {
  const there = (await ground.vimNets()).filter((n) => n.id === dataNet || n.name === dataNet);
  const net = there.length === 1 ? found(String(there[0]!.id), "data") : made(`${ground.instance}.${dataNet}`, "data", null);
  return { ...net, key: dataNet };
}
