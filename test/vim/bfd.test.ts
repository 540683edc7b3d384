import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { type Ask, client, type Daemon, type Subscriber, startDaemon, subscribe, until } from "./rig.ts";

/*
 * Two switches with a cable between them; the VIM has one of them, the other is what speaks BFD at the far end. One story, in order:
 * each test begins where the one before has ended.
 */
const run = promisify(execFile);
const CABLE = "near0";
const FAR_END = "far0";
/** A detection time of 1.5 s: neither switch is to be taken for lost where it only waits for a processor. */
const BFD = { min_tx_ms: 500, min_rx_ms: 500 };

let near: Ovs;
let far: Ovs;
let dir: string;
let daemon: Daemon;
let ask: Ask;
let admin: Ask;
let heard: Subscriber;
let uplink: string;

const config = (openflowPort: number): VimConfig =>
  parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "0.0.0.0", port: openflowPort },
      store: join(dir, "vim.db"),
      libvirtSocket: join(dir, "no-libvirt-here"),
      ovsdb: near.management.replace("br0.mgmt", "db.sock"),
      bridge: "br0",
      runDir: dir,
      accel: "tcg",
    },
  }).vim!;

async function start(openflowPort: number): Promise<void> {
  daemon = await startDaemon(config(openflowPort));
  ask = client(daemon.port);
  admin = client(daemon.adminPort);
  heard = await subscribe(daemon.port);
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sb-"));
  const options = { datapathType: "netdev", protocols: ["OpenFlow13"] } as const;
  near = await startOvs({ ...options, ports: ["va"] });
  far = await startOvs({ ...options, ports: ["x"] });
  await run("ip", ["link", "add", CABLE, "netns", near.netns!, "type", "veth", "peer", "name", FAR_END, "netns", far.netns!]);
  for (const [ovs, name] of [
    [near, CABLE],
    [far, FAR_END],
  ] as const) {
    await run("ip", ["-n", ovs.netns!, "link", "set", name, "up"]);
    await ovs.vsctl("add-port", "br0", name);
  }
  await start(0);
  await near.setControllers(`tcp:${near.outside}:${daemon.openflowPort}`);
  const net = (await admin("POST", "/networks", { network: { name: "traffic0", type: "data" } })).body.network.id;
  const port = { name: "uplink", network_id: net, "binding:switch_port": CABLE };
  uplink = (await admin("POST", "/ports", { port })).body.port.id;
  await connected();
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await near?.[Symbol.asyncDispose]();
  await far?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const connected = () =>
  until("the switch", async () => Object.keys((await ask("GET", "/networks/openflow/ports")).body.ports).includes(CABLE));
const seen = async () => (await ask("GET", `/ports/${uplink}`)).body.port;
const isProtected = () => until("protected", async () => (await seen()).bfd.protected === true);
const statusIs = async (status: string) => {
  await until(status, async () => (await seen()).status === status);
  await heard.caughtUp();
};
const edit = (bfd: unknown, by = admin) => by("PUT", `/ports/${uplink}`, { port: { bfd } });
const configured = async () => (await near.vsctl("get", "interface", CABLE, "bfd")).trim();
/** What was told of the cable, as "source says". */
const told = () =>
  heard.events.flatMap((e) =>
    e.type === "evidence" && e.evidence.about.id === uplink ? [`${e.evidence.source} ${e.evidence.says}`] : [],
  );
const farSpeaks = () => far.vsctl("set", "interface", FAR_END, "bfd:enable=true", "bfd:min_tx=500", "bfd:min_rx=500");

for (const [bfd, says] of [
  [{ ...BFD, min_tx_ms: 2 }, /port:bfd/],
  [{ min_tx_ms: 30 }, /port:bfd/],
  ["fast", /port:bfd/],
] as const) {
  test(`refused: ${JSON.stringify(bfd)}`, async () => {
    const answer = await edit(bfd);
    expect([answer.status, answer.body.error?.description]).toEqual([400, expect.stringMatching(says)]);
    expect((await seen()).bfd).toBeUndefined();
  });
}

test("it is the administrator's, and a port that is on no switch cannot run it", async () => {
  expect((await edit(BFD, ask)).status).toBe(401);
  const { id } = (await admin("POST", "/ports", { port: { name: "nowhere" } })).body.port;
  const answer = await admin("PUT", `/ports/${id}`, { port: { bfd: BFD } });
  expect([answer.status, answer.body.error.description]).toEqual([400, expect.stringMatching(/'nowhere' is on no switch/)]);
});

test("configured beside what an operator has set; a peer that was never heard is no loss", async () => {
  await near.vsctl("set", "interface", CABLE, "bfd:check_tnl_key=false");
  expect((await edit(BFD)).body.port.bfd).toMatchObject({ ...BFD, detect_mult: 3, protected: false });
  await until("the switch runs it", async () => (await seen()).bfd.state === "down");
  expect(await configured()).toBe('{check_tnl_key="false", enable="true", min_rx="500", min_tx="500", mult="3"}');
  expect((await seen()).bfd.why).toMatch(/has not been heard/);
  expect((await seen()).status).toBe("ACTIVE");
  expect(told()).toEqual([]);
});

test("up while the peer does not know: slow timers, not yet protected", async () => {
  await farSpeaks();
  // Who begins last is up first, for some tenths of a second: mostly seen at once.
  const isSeen = await until("up, not yet protected", async () => {
    await edit(null);
    await until("none runs", async () => (await near.vsctl("get", "interface", CABLE, "bfd_status")).trim() === "{}");
    await edit(BFD);
    const { bfd } = await until("up", async () => {
      const port = await seen();
      return port.bfd.state === "up" && port;
    });
    const show = await near.appctl("bfd/show", CABLE);
    const isSlow = /Remote Session State: (?!up)/.test(show);
    if (isSlow) expect(show).toMatch(/RX Interval: Approx 1000ms/);
    return isSlow && !bfd.protected && bfd;
  });
  expect(isSeen.why).toMatch(/^up on slow timers: the peer says (down|init)/);
  await isProtected();
  await until("fast timers", async () => /RX Interval: Approx 500ms/.test(await near.appctl("bfd/show", CABLE)));
  expect((await seen()).bfd.why).toBeUndefined();
});

test("the far end stands still: the link is down though its light is on", async () => {
  heard.events.length = 0;
  far.freeze();
  await statusIs("DOWN");
  expect(told()).toEqual(["bfd linkDown"]);
  expect((await seen()).bfd).toMatchObject({ protected: false, why: expect.stringMatching(/Control Detection Time Expired/) });
  far.thaw();
  await statusIs("ACTIVE");
  expect(told()).toEqual(["bfd linkDown", "bfd linkUp"]);
});

test("a cable that is plugged in again is no link before BFD says so", async () => {
  await isProtected();
  heard.events.length = 0;
  await run("ip", ["-n", far.netns!, "link", "set", FAR_END, "down"]);
  await until("all have told", () => told().includes("bfd linkDown") && told().includes("portStatus linkDown"));
  await run("ip", ["-n", far.netns!, "link", "set", FAR_END, "up"]);
  await statusIs("ACTIVE");
  expect(told().filter((t) => t.endsWith("linkUp"))).toEqual(["bfd linkUp"]);
});

test("a VIM that starts anew changes nothing, and finds what was lost meanwhile", async () => {
  await isProtected();
  const flaps = /flap_count="(\d+)"/.exec(await near.vsctl("get", "interface", CABLE, "bfd_status"))![1];
  const port = daemon.openflowPort;
  await daemon.kill("SIGKILL");
  await start(port);
  await connected();
  await isProtected();
  expect(await near.vsctl("get", "interface", CABLE, "bfd_status")).toContain(`flap_count="${flaps}"`);
  await daemon.kill("SIGKILL");
  far.freeze();
  await until("the switch has seen it", async () =>
    (await near.vsctl("get", "interface", CABLE, "bfd_status")).includes("state=down"),
  );
  await start(port);
  await statusIs("DOWN");
  far.thaw();
  await statusIs("ACTIVE");
});

test("our own switch started anew: not protected, and no word against the link", async () => {
  await connected();
  await isProtected();
  heard.events.length = 0;
  await near.stop();
  await until(
    "nobody believes the database",
    async () => (await seen()).bfd.why === "the switch is not connected: what its database says may be old",
  );
  expect((await seen()).bfd).toMatchObject({ state: "up", protected: false });
  await near.restart();
  await connected();
  await isProtected();
  await heard.caughtUp();
  expect(told().filter((t) => t === "bfd linkDown")).toEqual([]);
});

test("taken away when unset, and what nobody wants any more too; the operator's stays", async () => {
  far.freeze();
  await statusIs("DOWN");
  await edit(null);
  await statusIs("ACTIVE");
  far.thaw();
  expect(await configured()).toBe('{check_tnl_key="false"}');
  expect((await seen()).bfd).toBeUndefined();
  await near.vsctl("set", "interface", "va", "bfd:enable=true", "bfd:min_tx=30", "external_ids:sempre-bfd=true");
  await until("what a killed VIM left is gone", async () => (await near.vsctl("get", "interface", "va", "bfd")).trim() === "{}");
  await near.vsctl("set", "interface", "va", "bfd:enable=true");
  const { id } = (await admin("POST", "/ports", { port: { name: "p", "binding:switch_port": "va" } })).body.port;
  await admin("DELETE", `/ports/${id}`);
  expect((await near.vsctl("get", "interface", "va", "bfd")).trim()).toBe('{enable="true"}');
});
