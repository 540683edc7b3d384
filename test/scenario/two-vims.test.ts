import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { ensureGuestImage, GUEST_CMDLINE, GUEST_MEMORY_MIB, type GuestImage } from "../../src/lab/image.ts";
import { addAddress, joinBridge, makeBridge, makeVeth, routeMulticast } from "../../src/lab/netns.ts";
import { Program } from "../../src/lab/program.ts";
import { startViewer, type Viewer } from "../../src/lab/viewer-client.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { startMano } from "../../src/mano.ts";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import type { Failover } from "../../src/model/mano-event.ts";
import type { NsView } from "../../src/model/ns.ts";
import { example } from "../mano/rig.ts";
import { type Ask, client, type Daemon, nowMs, type Rig, startDaemon, startRig, until } from "../vim/rig.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Guests boot without KVM, on a machine that has other work. */
const PATIENCE_MS = 120_000;
const MEDIA = { group: "239.5.0.4", port: 5004, source: "10.61.0.1" };
/** Members by the UDP source port of what they relay. */
const MEMBERS = { 6001: "relay-a", 6002: "relay-b" };

/** One VIM: its own switch, hypervisor and daemon. */
interface Site extends Rig {
  daemon: Daemon;
  /** As the daemon of the moment. */
  ask: Ask;
  admin: Ask;
}

async function startSite(image: GuestImage, undo: AsyncDisposableStack): Promise<Site> {
  const rig = undo.use(await startRig());
  const site: Site = { ...rig, daemon: null as never, ask: null as never, admin: null as never };
  undo.defer(() => site.daemon.kill("SIGKILL"));
  await run(site, { port: 0, adminPort: 0, openflowPort: 0 });
  await site.ovs.setControllers(`tcp:${site.ovs.outside}:${site.daemon.openflowPort}`);
  const tenant = (await site.ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const metadata = { kernel: image.kernel, cmdline: GUEST_CMDLINE, os_type: "linux" };
  await site.admin("POST", `/${tenant}/images`, { image: { name: "media-relay", path: image.initrd, metadata } });
  await site.admin("POST", `/${tenant}/flavors`, { flavor: { name: "media-relay", ram: GUEST_MEMORY_MIB, vcpus: 1 } });
  return site;
}

/** Starts its daemon, at the ports given. */
async function run(
  site: Site,
  { port, adminPort, openflowPort }: Pick<Daemon, "port" | "adminPort" | "openflowPort">,
): Promise<void> {
  const config = site.config(openflowPort);
  site.daemon = await startDaemon({ ...config, listen: { ...config.listen, port, adminPort } });
  site.ask = client(site.daemon.port);
  site.admin = client(site.daemon.adminPort);
}

async function makeNet({ ask }: Site, name: string, port?: string): Promise<void> {
  const network = { name, type: "data", shared: true, ...(port && { "provider:physical": `openflow:${port}` }) };
  expect((await ask("POST", "/networks", { network })).status).toBe(200);
}

/** The media come by a bridge at each site, which is on no switch: an OpenVIM data net floods no multicast. */
async function makeMedia({ ovs, ask }: Site): Promise<void> {
  await makeBridge({ name: "media0", netns: ovs.netns! });
  const network = { name: "media_net", type: "bridge_data", shared: true, "provider:physical": "bridge:media0" };
  expect((await ask("POST", "/networks", { network })).status).toBe(200);
}

/** One source for both, on a cable of their own: a viewer tells the members' copies of one stream apart, not two streams. */
async function joinMedia(one: Site, two: Site): Promise<void> {
  const [here, there] = [
    { name: "media12", netns: one.ovs.netns! },
    { name: "media21", netns: two.ovs.netns! },
  ];
  await makeVeth(here, there);
  for (const end of [here, there]) await joinBridge(end, "media0");
  const source = { name: "media0", netns: one.ovs.netns! };
  await addAddress(source, `${MEDIA.source}/24`);
  await routeMulticast(source, MEDIA.group);
}

/** Where a viewer is: in the namespace of this switch. */
async function plug({ ovs }: Site, name: string, address: string): Promise<void> {
  await ovs.inside("ip", "link", "set", name, "up");
  await addAddress({ name, netns: ovs.netns! }, address);
}

const vimAccount = (name: string, { daemon: { port, adminPort } }: Site) => ({
  name,
  url: `http://127.0.0.1:${port}/openvim`,
  adminUrl: `http://127.0.0.1:${adminPort}/openvim`,
  tenant: "default",
});

test("twins in two VIMs: either takes over from the other over the link; a VIM that is away moves nothing, a lost link does", {
  timeout: 600_000,
}, async () => {
  await using undo = new AsyncDisposableStack();
  const image = await ensureGuestImage(join(ROOT, ".cache", "guest"));
  const [one, two] = [await startSite(image, undo), await startSite(image, undo)];
  await makeVeth({ name: "link12", netns: one.ovs.netns! }, { name: "link21", netns: two.ovs.netns! });
  await one.ovs.vsctl("add-port", "br0", "link12");
  await two.ovs.vsctl("add-port", "br0", "link21");
  for (const [net, port] of [["data_net0"], ["traffic_net0", "va"], ["traffic_net1", "vb"]] as const)
    await makeNet(one, net, port);
  await makeNet(two, "data_net1");
  await plug(one, "va", "10.0.0.11/24");
  for (const site of [one, two]) await makeMedia(site);
  await joinMedia(one, two);

  const links = [
    {
      ends: [
        { vim: "one", switchPort: "link12" },
        { vim: "two", switchPort: "link21" },
      ],
      vlans: { first: 100, last: 199 },
    },
  ];
  const settings = {
    listen: { port: 0 },
    store: join(one.dir, "mano.db"),
    vims: [vimAccount("one", one), vimAccount("two", two)],
    links,
  };
  const mano = undo.use(await startMano(parseConfig({ mano: settings }).mano!, { clock: systemClock, log: silent }));
  const ask = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const answer = await fetch(`http://127.0.0.1:${mano.port}${path}`, { method, ...text });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  const file = example("media-relay-active-passive.yaml").replace(
    "    members:",
    "    vim_accounts: { relay-b: two }\n    members:",
  );
  const made = await ask<{ id: string; kind: string }[]>("POST", "/mano/v1/descriptors", file);
  const wish = { nsdId: made.find((d) => d.kind === "nsd")!.id, nsName: "media", vimAccountId: "one" };
  const { id } = await ask<NsView>("POST", "/mano/v1/ns_instances", wish);
  await ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  const ns = () => ask<NsView>("GET", `/mano/v1/ns_instances/${id}`);
  await until(
    "it is instantiated",
    async () => {
      const { state, detail } = await ns();
      if (state === "FAILED") throw new Error(detail ?? "failed");
      return state === "INSTANTIATED";
    },
    PATIENCE_MS,
  );
  expect([await servers(one), await servers(two)]).toEqual([["media-relay-a"], ["media-relay-b"]]);

  const source = ["--group", MEDIA.group, "--address", MEDIA.source, "--pps", "250"];
  undo.use(await Program.start(one.ovs.netns!, "media-source.ts", source));
  const viewer = undo.use(
    await startViewer({
      name: "viewer A",
      netns: one.ovs.netns!,
      port: MEDIA.port,
      members: MEMBERS,
      echo: { ip: "10.0.0.100", port: 7, everyMs: 20 },
      video: null,
    }),
  );
  const group = () => ask<ProtectionGroupView>("GET", "/mano/v1/protection_groups/media-relay");
  const health = async (name: string) => (await group()).members.find((m) => m.name === name)!.health.state;
  const command = (body: object) => ask("POST", "/mano/v1/protection_groups/media-relay/command", body);
  const seen = (member: string, sinceMs: number, maxMs = PATIENCE_MS) =>
    until(`viewer A sees what ${member} relays`, () => via(viewer, member, sinceMs), maxMs);
  const kill = async (name: string): Promise<number> => {
    const qemu = await findQemu((await ns()).vnfcs.find((v) => v.name === name)!.vimServerId);
    const at = nowMs();
    process.kill(qemu!.pid, "SIGKILL");
    return at;
  };
  const ready = () =>
    until(
      "both are up, all is armed, nothing is alarmed",
      async () => {
        const { members, armed } = await group();
        return members.every((m) => m.health.state === "up") && armed.isCurrent;
      },
      PATIENCE_MS,
    );
  await ready();
  await seen("relay-a", nowMs());
  const tell = (what: string, ms: number) => console.info(`${what}: first packet ${ms.toFixed(0)} ms after`);

  // The one here dies: VIM one has it armed, over the link.
  let at = await kill("relay-a");
  tell("killed where traffic enters, taken over in the other VIM", await seen("relay-b", at));
  await seen("relay-a", at); // Healed, and back.
  await ready();

  // The one there dies while it serves: VIM two tells the MANO, which has VIM one lead the traffic here.
  await command({ command: "force", to: "relay-b" });
  await seen("relay-b", nowMs());
  at = await kill("relay-b");
  tell("killed in the other VIM, taken over where traffic enters", await seen("relay-a", at));
  await until("it is healed there", async () => (await health("relay-b")) === "up", PATIENCE_MS);
  await seen("relay-b", at); // The forced switch stands.
  await ready();

  // VIM two is killed. What it has told before is not known any more, and that moves nothing.
  const { daemon } = two;
  await daemon.kill("SIGKILL");
  await until("it is unknown", async () => (await health("relay-b")) === "unknown");
  await sleep(5_000);
  await seen("relay-b", nowMs()); // Its guest and its switch do not need it.
  expect((await group()).trafficNets.map((n) => n.servedBy)).toEqual(
    Array(2).fill((await ns()).vnfcs.find((v) => v.name === "relay-b")!.id),
  );

  // And with it its site: the link is lost, which is a fact where the traffic enters.
  at = nowMs();
  await two.ovs.inside("ip", "link", "set", "link21", "down");
  tell("the link is lost and VIM two dead", await seen("relay-a", at));
  await until("the way to it is known to be down", async () => (await health("relay-b")) === "down");

  // The link is back, and VIM two: nothing was lost there, so it serves again as it is told to.
  await two.ovs.inside("ip", "link", "set", "link21", "up");
  at = nowMs();
  await run(two, daemon);
  await seen("relay-b", at);
  await command({ command: "clear" });
  await seen("relay-a", nowMs());
  await ready();
  const failovers = await until(
    "every record is closed",
    async () => {
      const all = await ask<Failover[]>("GET", "/mano/v1/failovers");
      return all.every((f) => f.state === "closed") && all;
    },
    PATIENCE_MS,
  );
  expect(
    failovers
      .filter((f) => f.kind === "failover")
      .map((f) => f.mode)
      .toReversed()
      .slice(0, 1),
  ).toEqual(["armed"]);

  await ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("nothing is left", async () => (await ns()).state === "NOT_INSTANTIATED", PATIENCE_MS);
  expect([await servers(one), await servers(two), await netsOf(two)]).toEqual([[], [], ["data_net1", "media_net"]]);
});

/** When the last packet that came through this member since then arrived, in ms from then; false: none did. */
async function via(viewer: Viewer, member: string, sinceMs: number): Promise<number | false> {
  const latest = await viewer.latest();
  return (
    latest.via === member && latest.lastArrivalMs !== null && latest.lastArrivalMs > sinceMs && latest.lastArrivalMs - sinceMs
  );
}

async function servers({ ask }: Site): Promise<string[]> {
  const tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  return (await ask("GET", `/${tenant}/servers`)).body.servers.map((s: { name: string }) => s.name);
}

const netsOf = async ({ ask }: Site): Promise<string[]> =>
  (await ask("GET", "/networks")).body.networks.map((n: { name: string }) => n.name).sort();
