import { inFlavour } from "../descriptor/flavours.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import { countIn, type ScalingBlueprint } from "../model/scaling.ts";
import type { NsInstanceView, VnfcView, VnfView } from "../model/vnf-view.ts";
import { nsScaleStatus } from "./ns-size.ts";
import { type Deployment, trafficNetNames } from "./plan.ts";
import { isInstantiated, vnfcsOf } from "./vnf-plan.ts";

/** A VIM account, as it is called here. */
export type VimOf = (id: Deployment["ns"]["vimAccountId"]) => VnfView["vims"][number];

/** A VNF of an NS with its VNFCs and connection points. Pure. */
export function vnfView(d: Deployment, vnf: VnfInstance, vimOf: VimOf): VnfView {
  const vnfcs = vnfcsOf(d, vnf);
  return {
    ...vnf,
    modifiedAt: latest([vnf.modifiedAt, d.ns.modifiedAt]),
    nsName: d.ns.name,
    isSole: d.ns.soleVnf !== undefined,
    isInstantiated: isInstantiated(d.ns),
    vims: [...new Set(vnfcs.map((v) => v.vimAccountId))].map(vimOf),
    vnfcViews: vnfcs.map((v) => vnfcView(d, v)),
    aspects: aspectsOf(d, vnf).map(({ id, steps }) => ({
      id,
      level: countIn(vnf.scale ?? {}, id) ?? 0,
      max: steps.length,
    })),
    flavours: vnf.product.flavours ?? [],
  };
}

/** What a sole VNF can be scaled by is known before it is instantiated too. */
const aspectsOf = ({ ns, asWritten, vnfd }: Deployment, { profile, product }: VnfInstance): ScalingBlueprint["aspects"] => {
  const { blueprint } = vnfd;
  const ofVnfd = ns.soleVnf === undefined || !blueprint ? undefined : inFlavour(blueprint, product.flavourId)?.scaling;
  return (asWritten?.nsd.scaling?.find((s) => s.profile === profile) ?? ofVnfd)?.aspects ?? [];
};

const latest = (times: readonly string[]): string => times.reduce((a, b) => (a > b ? a : b));

function vnfcView({ nsd, vnfd }: Deployment, v: Deployment["vnfcs"][number]): VnfcView {
  const vdu = vnfd.vdus.find((u) => u.id === v.vdu);
  const dataNet = nsd.members.find((m) => m.vnfc === v.name)?.dataNet;
  const cps = (vdu?.cps ?? []).map((cp) => {
    const isService = cp.id === v.serviceInterface && dataNet !== undefined;
    return { id: `${v.name}-${cp.id}`, cpd: cp.id, net: (isService ? dataNet : nsd.nets[cp.id]) ?? cp.id, ip: cp.ip, isService };
  });
  const { id, name, vimAccountId, vimServerId: serverId, serverName } = v;
  return { id, name, vdu: v.vdu, vimAccountId, serverId, serverName, cps };
}

/** An NS with its VNFs. Pure. What many lists leave out is worked out when it is asked for, once. */
export function nsInstanceView(d: Deployment, vimOf: VimOf, snapshotIds: readonly string[] = []): NsInstanceView {
  const { ns, nsd } = d;
  const isUp = isInstantiated(ns);
  let vnfs: VnfView[] | undefined;
  const vnfViews = () => {
    vnfs ??= isUp ? d.vnfs.map((v) => vnfView(d, v, vimOf)) : [];
    return vnfs;
  };
  return {
    id: ns.id,
    name: ns.name,
    description: ns.description,
    nsdId: nsd.id,
    nsdInfoId: ns.nsdId,
    flavourId: nsd.flavour ?? "default",
    isInstantiated: isUp,
    get vnfs() {
      return vnfViews();
    },
    scaleStatus: isUp ? nsScaleStatus(d) : [],
    get links() {
      return linksOf(d, vnfViews());
    },
    snapshotIds,
    modifiedAt: latest([ns.modifiedAt, ...(isUp ? d.vnfs.map((v) => v.modifiedAt) : [])]),
  };
}

/** The nets that it is on, each once in each VIM. */
function linksOf({ ns, nsd }: Deployment, vnfs: readonly VnfView[]): NsInstanceView["links"] {
  const attached = vnfs.flatMap((v) =>
    v.vnfcViews.flatMap((c) => c.cps.map(({ net }) => ({ net, vimAccountId: c.vimAccountId }))),
  );
  const entered = isInstantiated(ns) ? trafficNetNames(nsd).map((net) => ({ net, vimAccountId: ns.vimAccountId })) : [];
  return [...new Map([...attached, ...entered].map((l) => [`${l.vimAccountId} ${l.net}`, l])).values()];
}
