import { expect } from "vitest";
import { parse, stringify } from "yaml";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

export const FLAVOURED_NETS = ["media_net", "data_net0", "data_net1", "data_net2", "traffic_net0", "traffic_net1"];

/**
 * The relays of the example in four deployment flavours: `default` is the pair that a virtual IP protects; `large` the same of larger machines; `pool` has a third
 * machine, and N+M; `others` has a pair of another VDU, which is reached by a connection point of its own. The NSD begins with the first, or, as `busy`, with the pool.
 */
export function flavoured(): Loose {
  const file = parse(example("sol006/media-service-active-passive.yaml"));
  const [vnfd] = file.nfv.vnfd;
  const [nsd] = file.nfv.nsd;
  const [relay] = vnfd.vdu;
  const [media, viewers] = vnfd["ext-cpd"];
  const [service] = vnfd["vip-cpd"];
  const [first] = vnfd.df;
  const [profile] = first["vdu-profile"];
  profile["nfvi-maintenance-info"]["min-recovery-time-between-impacts"] = 20; // A wait-to-restore time that a test can wait for.
  vnfd["virtual-compute-desc"].push({ id: "large", "virtual-memory": { size: 4 }, "virtual-cpu": { "num-virtual-cpu": 4 } });
  vnfd.vdu.push({
    ...relay,
    id: "other",
    name: "other",
    vnfc: relay.vnfc.map((v: Loose) => ({ ...v, id: v.id.replace("relay", "other") })),
  });
  vnfd["ext-cpd"].push(
    { ...media, id: "media2", "int-cpd": { "vdu-id": "other", cpd: "eth0" } },
    { ...viewers, id: "viewers2", "vip-cpd": "service2" },
  );
  vnfd["vip-cpd"].push({ ...service, id: "service2", "int-cpd": [{ "vdu-id": "other", cpd: "eth1" }] });
  const level = (vdu: string, count: number) => ({
    "instantiation-level": [{ id: "default", "vdu-level": [{ "vdu-id": vdu, "number-of-instances": count }] }],
    "default-instantiation-level": "default",
    "affinity-or-anti-affinity-group": first["affinity-or-anti-affinity-group"],
  });
  const of = (id: string, vdu: string, count: number, more: object) => ({
    id,
    "vdu-profile": [{ ...profile, id: vdu, "min-number-of-instances": count, "max-number-of-instances": count, ...more }],
    ...level(vdu, count),
  });
  vnfd.df.push(
    of("large", "relay", 2, { "virtual-compute-desc": "large" }),
    of("pool", "relay", 3, { "high-availability": "NPlusM", protection: { "service-availability-level": 1 } }),
    of("others", "other", 2, {}),
  );
  const [use] = nsd.df[0]["vnf-profile"];
  const also = (extCp: string, id: string) => ({
    "virtual-link-profile-id": id,
    "constituent-cpd-id": [{ "constituent-base-element-id": "relays", "constituent-cpd-id": extCp }],
  });
  use["virtual-link-connectivity"].push(
    also("media2", "media_net"),
    also("viewers2", "traffic_net0"),
    also("viewers2", "traffic_net1"),
  );
  delete use["service-availability-level"]; // A spare of the VDU's level 1 is hot.
  delete use.member; // Data nets of their own, which are made.
  nsd.df.push({ ...structuredClone(nsd.df[0]), id: "busy" });
  nsd.df[1]["vnf-profile"][0]["flavour-id"] = "pool";
  return file;
}

/** The same, whose NSD has one more flavour, `wide`: with larger machines, and with a second service beside the first, which other users reach. */
export function widened(): Loose {
  const file = flavoured();
  const { vnfd, nsd } = file.nfv;
  const [relays] = parse(example("sol006/media-service-active-passive.yaml")).nfv.vnfd;
  vnfd.push({ ...JSON.parse(JSON.stringify(relays).replaceAll('"relay', '"more')), id: "media-more" });
  nsd[0]["vnfd-id"].push("media-more");
  const wide = { ...structuredClone(nsd[0].df[0]), id: "wide" };
  const [first] = wide["vnf-profile"];
  const of = (link: string, cpd: string) => ({
    "virtual-link-profile-id": link,
    "constituent-cpd-id": [{ "constituent-base-element-id": "more", "constituent-cpd-id": cpd }],
  });
  wide["vnf-profile"].push({
    ...{ id: "more", "vnfd-id": "media-more", "flavour-id": "default", "instantiation-level": "default" },
    "virtual-link-connectivity": [of("media_net", "media"), of("traffic_net2", "viewers")],
  });
  first["flavour-id"] = "large";
  nsd[0]["virtual-link-desc"].push({ ...nsd[0]["virtual-link-desc"][1], id: "traffic_net2" });
  wide["virtual-link-profile"].push({ id: "traffic_net2", "virtual-link-desc-id": "traffic_net2" });
  nsd[0].df.push(wide);
  return file;
}

export const flavouredFile = (): string => stringify(flavoured());

export const NS = "/nslcm/v2/ns_instances";
export const VNFS = "/vnflcm/v2/vnf_instances";
export const link = (net: string, ...cpds: string[]) => ({
  id: `link-${net}`,
  resourceId: `id-${net}`,
  extCps: cpds.map((cpdId) => ({ cpdId })),
});

/** An NS or a VNF of it, over a VIM whose machines answer as soon as they are made. */
export class FlavourBed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol: SolClient;
  ns = "";
  vnf = "";
  /** Every machine answers as soon as it is made; held back: those whose names end so. */
  readonly held = new Set<string>();
  readonly #boots: NodeJS.Timeout;

  private constructor(rig: Rig) {
    this.rig = rig;
    this.sol = new SolClient(rig);
    this.#boots = setInterval(() => this.#bootAll(), 20);
  }

  static async start(file = flavouredFile(), nets: readonly string[] = FLAVOURED_NETS): Promise<FlavourBed> {
    const bed = new FlavourBed(await Rig.start({}, nets));
    bed.rig.vim.flavors.set("flavors-large", { id: "flavors-large", name: "large" });
    const { status, body } = await bed.rig.onboard(file);
    expect({ status, detail: body.detail }).toEqual({ status: 201, detail: undefined });
    return bed;
  }

  /** The NS in one of its flavours. */
  static async ofNs(nsFlavourId: string, file?: string, nets?: readonly string[]): Promise<FlavourBed> {
    const bed = await FlavourBed.start(file, nets);
    const made = await bed.sol.ask("POST", NS, { nsdId: "media-vip", nsName: "media", nsDescription: "" });
    bed.ns = `${NS}/${made.body.id}`;
    const occurrence = await bed.begin(`${bed.ns}/instantiate`, { nsFlavourId });
    await bed.ended(occurrence, "COMPLETED");
    bed.vnf = `${VNFS}/${(await bed.sol.ask("GET", VNFS)).body[0].id}`;
    return bed;
  }

  /** The VNF by itself. */
  static async sole(flavourId: string): Promise<FlavourBed> {
    const bed = await FlavourBed.start();
    const made = await bed.sol.ask("POST", VNFS, { vnfdId: "media-relay-vip" });
    bed.vnf = `${VNFS}/${made.body.id}`;
    const extVirtualLinks = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];
    await bed.ended(await bed.begin(`${bed.vnf}/instantiate`, { flavourId, extVirtualLinks }), "COMPLETED");
    return bed;
  }

  async begin(path: string, body: object): Promise<string> {
    const asked = await this.sol.ask("POST", path, body);
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    return new URL(asked.headers.get("location")!).pathname;
  }

  change(newFlavourId: string, more: object = {}): Promise<string> {
    return this.begin(`${this.vnf}/change_flavour`, { newFlavourId, ...more });
  }

  ended(occurrence: string, state: string) {
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await this.sol.ask("GET", occurrence);
      if (body.operationState === "FAILED_TEMP" && state === "COMPLETED") throw new Error(body.error.detail);
      return body.operationState === state && body;
    });
  }

  async info() {
    return (await this.sol.ask("GET", this.vnf)).body.instantiatedVnfInfo;
  }

  /** Names of the machines that the VIM has, without that of the service. */
  machines(): string[] {
    return [...this.rig.vim.servers.values()].map((s) => /(relay|other|more)-\w+$/.exec(s.name)![0]).sort();
  }

  /** Who serves the traffic nets. */
  served(): string {
    const { nets } = this.rig.vim;
    return ["traffic_net0", "traffic_net1"]
      .map((n) => nets.get(nets.get(`id-${n}`)!.bind_net ?? "")?.name.replace(/^.*?-((relay|other)-\w+)-data$/, "$1"))
      .join();
  }

  async group() {
    const all = (await this.rig.ask("GET", "/mano/v1/protection_groups")).body;
    expect(all).toHaveLength(1);
    return all[0];
  }

  /** The group once its failover can fire: traffic that returns by itself has its plans armed anew for a moment. */
  async whenReady() {
    return until("its failover can fire", async () => {
      const group = await this.group();
      return group.isReady && group;
    });
  }

  #bootAll(): void {
    for (const s of this.rig.vim.servers.values())
      if (s.status === "CREATING" && ![...this.held].some((name) => s.name.endsWith(name))) this.rig.vim.up(s.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#boots);
    await this.rig[Symbol.asyncDispose]();
  }
}
