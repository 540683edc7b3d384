import { expect, test } from "vitest";
import { example, NETS, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// External connection points that are connected to other nets while the VNF serves (SOL003 5.4.11).

const VNFS = "/vnflcm/v2/vnf_instances";
const link = (net: string, ...cpds: string[]) => ({
  id: `link-${net}`,
  resourceId: `id-${net}`,
  extCps: cpds.map((cpdId) => ({ cpdId })),
});

class Bed implements AsyncDisposable {
  readonly rig: Rig;
  readonly sol: SolClient;
  vnf = "";

  private constructor(rig: Rig) {
    this.rig = rig;
    this.sol = new SolClient(rig);
  }

  /** The relays of the example by themselves, on media_net, and with users on traffic_net0 and traffic_net1. */
  static async sole(): Promise<Bed> {
    const bed = new Bed(await Rig.start({}, [...NETS, "traffic_net2", "other_net"]));
    await bed.rig.onboard(example("sol006/media-service.yaml").split("  nsd:")[0]!);
    const made = await bed.sol.ask("POST", VNFS, { vnfdId: "media-relay-sol", vnfInstanceName: "relays" });
    bed.vnf = `${VNFS}/${made.body.id}`;
    const extVirtualLinks = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];
    const occurrence = await bed.begin("instantiate", { flavourId: "default", extVirtualLinks });
    await until("two servers", () => bed.rig.vim.servers.size === 2);
    for (const { name } of bed.rig.vim.servers.values()) bed.rig.vim.up(name);
    await bed.ended(occurrence, "COMPLETED");
    return bed;
  }

  /** The same as a network service. */
  static async ofNs(): Promise<Bed> {
    const bed = new Bed(await Rig.start({}, [...NETS, "traffic_net2", "other_net"]));
    await bed.rig.deploy(example("sol006/media-service.yaml"));
    bed.vnf = `${VNFS}/${(await bed.sol.ask("GET", VNFS)).body[0].id}`;
    return bed;
  }

  async begin(task: string, body: object): Promise<string> {
    const asked = await this.sol.ask("POST", `${this.vnf}/${task}`, body);
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    return new URL(asked.headers.get("location")!).pathname;
  }

  change(...extVirtualLinks: object[]): Promise<string> {
    return this.begin("change_ext_conn", { extVirtualLinks });
  }

  ended(occurrence: string, state: string) {
    return until(`${occurrence} is ${state}`, async () => {
      const { body } = await this.sol.ask("GET", occurrence);
      return body.operationState === state && body;
    });
  }

  /** The last letter of the relay that each net is led to; "-": to none. */
  led(...nets: string[]): string {
    const { vim } = this.rig;
    const members = [...vim.servers.values()].map((s) => [s.networks[1]!.uuid, s.name.slice(-1)] as const);
    const to = (net: string) => new Map(members).get(vim.nets.get(`id-${net}`)?.bind_net ?? "") ?? "-";
    return nets.map(to).join("");
  }

  /** The nets that ports of this name are on. */
  plugged(name: string): string[] {
    return [...this.rig.vim.ports.values()].filter((p) => p.name === name).map((p) => p.network_id);
  }

  async group() {
    return (await this.rig.ask("GET", "/mano/v1/protection_groups")).body[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

const TRAFFIC = ["traffic_net0", "traffic_net1", "traffic_net2"];

test("users come over another net: it is led to who serves before the other is let go of, and a failure moves it; back after a restart too", async () => {
  await using bed = await Bed.sole();
  expect(bed.led(...TRAFFIC)).toBe("ab-");
  const from = bed.rig.vim.asked.length;
  const changed = await bed.ended(
    await bed.change(link("traffic_net2", "viewers"), link("traffic_net1", "viewers")),
    "COMPLETED",
  );
  expect(changed).toMatchObject({
    operation: "CHANGE_EXT_CONN",
    isAutomaticInvocation: false,
    changedExtConnectivity: [
      { id: "link-traffic_net2", currentVnfExtCpData: [{ cpdId: "viewers" }] },
      { id: "link-traffic_net1" },
    ],
  });
  expect(bed.led(...TRAFFIC)).toBe("-ba");
  const asked = bed.rig.vim.asked.slice(from);
  const led = asked.findIndex((a) => a.startsWith("PUT networks/id-traffic_net2/"));
  const letGo = asked.findIndex((a) => a.includes("networks/id-traffic_net0/"));
  expect([led >= 0, letGo > led]).toEqual([true, true]);
  const { body } = await bed.sol.ask("GET", bed.vnf);
  expect(body.instantiatedVnfInfo.extVirtualLinkInfo.map((l: { id: string }) => l.id).sort()).toEqual([
    "link-media_net",
    "link-traffic_net1",
    "link-traffic_net2",
  ]);
  expect((await bed.group()).trafficNets.map((n: { name: string }) => n.name).sort()).toEqual(["traffic_net1", "traffic_net2"]);

  await bed.rig.stopMano();
  await bed.rig.startMano();
  await until("it is protected", async () => (await bed.group())?.isReady);
  bed.rig.vim.down([...bed.rig.vim.servers.values()].find((s) => s.name.endsWith("a"))!.name);
  await until("the other serves", () => bed.led(...TRAFFIC) === "-bb");
  // A heal is no operation that somebody asked for: the next one may begin.
  const back = await bed.change(link("traffic_net0", "viewers"), link("traffic_net1", "viewers"));
  await until("led to who serves", () => bed.led("traffic_net0") === "b");
  for (const { name } of bed.rig.vim.servers.values()) bed.rig.vim.up(name);
  await bed.ended(back, "COMPLETED");
  expect(bed.led("traffic_net2")).toBe("-");
});

test("what is null at a link leaves that link alone: the rest stays where it is", async () => {
  await using bed = await Bed.sole();
  const left = (net: string, cpdId: string) => ({ ...link(net), extCps: [{ cpdId, cpConfig: { one: null } }] });
  await bed.ended(await bed.change(left("traffic_net1", "viewers"), link("traffic_net2", "viewers")), "COMPLETED");
  expect(bed.led(...TRAFFIC)).toBe("a-b");
  await bed.ended(await bed.change(left("media_net", "media"), link("other_net", "media")), "COMPLETED");
  expect(bed.plugged("eth0")).toEqual(["id-other_net", "id-other_net"]);
  const { body } = await bed.sol.ask("GET", bed.vnf);
  expect(body.instantiatedVnfInfo.extVirtualLinkInfo.map((l: { id: string }) => l.id).sort()).toEqual([
    "link-other_net",
    "link-traffic_net0",
    "link-traffic_net2",
  ]);
  const nowhere = await bed.sol.ask("POST", `${bed.vnf}/change_ext_conn`, { extVirtualLinks: [left("other_net", "media")] });
  expect([nowhere.status, nowhere.body.detail]).toEqual([422, expect.stringContaining("is on one net, and none are asked for")]);
});

test("vNICs are plugged into another net, one that the VIM does not take is taken back, and can be asked for again", async () => {
  await using bed = await Bed.sole();
  const home = bed.plugged("eth0");
  await bed.ended(await bed.change(link("other_net", "media")), "COMPLETED");
  expect(bed.plugged("eth0")).toEqual(["id-other_net", "id-other_net"]);

  bed.rig.vim.refusesMoves = true;
  const failed = await bed.change(link("media_net", "media"));
  expect((await bed.ended(failed, "FAILED_TEMP")).error.detail).toContain("no other net for it");
  expect(bed.plugged("eth0")).toEqual(["id-other_net", "id-other_net"]);
  const shown = async () =>
    (await bed.sol.ask("GET", bed.vnf)).body.instantiatedVnfInfo.extVirtualLinkInfo.map((l: { id: string }) => l.id);
  expect(await shown()).toContain("link-other_net");
  bed.rig.vim.refusesMoves = false;
  expect((await bed.sol.ask("POST", `${failed}/retry`)).status).toBe(202);
  await bed.ended(failed, "COMPLETED");
  expect(bed.plugged("eth0")).toEqual(home);
  expect(await shown()).toContain("link-media_net");
});

test("a VNF of a network service too; the service begins as its NSD has it when it is instantiated again", async () => {
  await using bed = await Bed.ofNs();
  const changed = await bed.ended(
    await bed.change(link("traffic_net0", "viewers"), link("traffic_net2", "viewers"), link("other_net", "media")),
    "COMPLETED",
  );
  expect(changed.changedExtConnectivity).toHaveLength(3);
  expect(bed.led(...TRAFFIC)).toBe("a-b");
  expect(bed.plugged("eth0")).toEqual(["id-other_net", "id-other_net"]);
  const [ofNs] = (await bed.sol.ask("GET", "/nslcm/v2/ns_lcm_op_occs?all_fields&filter=(eq,lcmOperationType,UPDATE)")).body;
  expect(ofNs.resourceChanges.affectedVnfs).toMatchObject([
    { changeType: "CHANGE_EXTERNAL_VNF_CONNECTIVITY", changeResult: "COMPLETED" },
  ]);
  const { id } = await bed.rig.ns();
  await bed.rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("nothing is left", async () => (await bed.rig.ns()).state === "NOT_INSTANTIATED");
  expect(bed.led(...TRAFFIC)).toBe("---");
  await bed.rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("two servers", () => bed.rig.vim.servers.size === 2);
  expect([...bed.rig.vim.servers.values()].map((s) => s.networks[0]!.uuid)).toEqual(["id-media_net", "id-media_net"]);
});

test("what cannot be is refused with the reason, and nothing has changed", async () => {
  await using bed = await Bed.ofNs();
  const before = bed.rig.vim.asked.length;
  for (const [links, status, word] of [
    [[link("gone", "media")], 422, "id-gone"],
    [[link("other_net", "console")], 422, "console"],
    [[link("other_net", "media"), link("media_net", "media")], 422, "one net"],
    [[link("traffic_net2", "viewers")], 422, "relay-b"],
    [[], 422, "names no link"],
    [[{ id: "x" }], 400, "resourceId"],
    [[{ ...link("other_net", "media"), vimConnectionId: "there" }], 422, "there"],
    [[{ ...link("other_net", "media"), extLinkPorts: [{ id: "p", resourceHandle: { resourceId: "p" } }] }], 422, "extLinkPorts"],
  ] as const) {
    const refused = await bed.sol.ask("POST", `${bed.vnf}/change_ext_conn`, { extVirtualLinks: links });
    expect({ links, status: refused.status, detail: refused.body.detail }).toEqual({
      links,
      status,
      detail: expect.stringContaining(word),
    });
  }
  expect(bed.rig.vim.asked).toHaveLength(before);
  expect(bed.led(...TRAFFIC)).toBe("ab-");
});
