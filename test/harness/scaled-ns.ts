import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

/**
 * The service of the example that can be scaled, with one relay in each VNF: a pool of two to four VNFs, three at first, that is scaled by
 * the levels of its NSD.
 */
export function perVnf(change: (nfv: Loose) => void = () => {}): string {
  const { nfv } = parse(readFileSync(new URL("../../examples/sol006/media-service-scaled.yaml", import.meta.url), "utf8"));
  const [vnfd] = nfv.vnfd;
  vnfd.vdu[0].vnfc = [{ id: "relay" }];
  const [ofVnf] = vnfd.df;
  for (const key of ["scaling-aspect", "instantiation-level", "default-instantiation-level"]) delete ofVnf[key];
  Object.assign(ofVnf["vdu-profile"][0], { "min-number-of-instances": 1, "max-number-of-instances": 1 });
  ofVnf["vdu-profile"][0]["nfvi-maintenance-info"]["min-recovery-time-between-impacts"] = 20;
  const [df] = nfv.nsd[0].df;
  const [profile] = df["vnf-profile"];
  delete profile["instantiation-level"];
  Object.assign(profile, { "min-number-of-instances": 2, "max-number-of-instances": 4 });
  profile.member = [0, 1, 2, 3].map((n) => ({ "vnfc-id": `${n + 1}-relay`, "data-net": `data_net${n}` }));
  const levels = { small: 2, normal: 3, large: 4 };
  df["ns-instantiation-level"] = Object.entries(levels).map(([id, count]) => ({
    id,
    "vnf-to-level-mapping": [{ "vnf-profile-id": "relays", "number-of-instances": count }],
  }));
  df["default-ns-instantiation-level"] = "normal";
  df["scaling-aspect"] = [{ id: "viewers", "scaling-level": Object.keys(levels) }];
  change(nfv);
  return stringify({ nfv });
}
