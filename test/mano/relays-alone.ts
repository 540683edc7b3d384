import { perVnf } from "../harness/scaled-ns.ts";

/**
 * The service whose VNFs are counted, of a VNFD that says nothing of protection: it is the NSD that wants its VNFs kept apart at a service availability level, and so
 * protects them. A VNF by itself is one relay, whose viewers are on the net that its service is connected to.
 */
export function relaysAlone(): string {
  return perVnf((nfv) => {
    const [vnfd] = nfv.vnfd;
    delete vnfd["vip-cpd"];
    vnfd["ext-cpd"][1] = { id: "viewers", "int-cpd": { "vdu-id": "relay", cpd: "eth1" } };
    vnfd.vdu[0]["service-connection-point"] = "eth1";
    const [df] = nfv.nsd[0].df;
    df["affinity-or-anti-affinity-group"] = [{ id: "apart", affinityorAntiaffinity: "anti-affinity", scope: "nfvi-node" }];
    df["vnf-profile"][0]["affinity-or-anti-affinity-group-id"] = ["apart"];
  });
}
