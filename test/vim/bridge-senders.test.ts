import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { ensureGuestImage, GUEST_MEMORY_MIB, guestCmdline } from "../../src/lab/image.ts";
import { type Ask, client, type Daemon, type Rig, startDaemon, startRig, until } from "./rig.ts";

/* A real guest on a Linux bridge of its host, which the kernel holds to its address. What passes, frame by frame: sender-table.test.ts. */
const GATEWAY = "10.61.0.1";
const GUEST = "10.61.0.11";
/** What the API was told that it has. */
const GIVEN = "10.61.0.12";
let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let tenant: string;
let net: { id: string; "provider:vlan": number };
let server: string;
let port: string;

beforeAll(async () => {
  const guest = await ensureGuestImage();
  rig = await startRig();
  daemon = await startDaemon(rig.config(0));
  ask = client(daemon.port);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const cmdline = guestCmdline({
    ...{ mediaIp: `${GUEST}/24`, serviceIp: "10.62.0.100/24", serviceMac: "02:00:5e:00:01:64" },
    ...{ mediaGroup: "239.5.0.4", mediaPort: 5004, markerPort: 6001 },
  });
  const metadata = { kernel: `${process.cwd()}/${guest.kernel}`, cmdline };
  const image = { name: "i", path: `${process.cwd()}/${guest.initrd}`, metadata };
  const imageRef = (await ask("POST", `/${tenant}/images`, { image })).body.image.id;
  const flavor = { name: "f", ram: GUEST_MEMORY_MIB, vcpus: 1 };
  const flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor })).body.flavor.id;
  net = (await ask("POST", "/networks", { network: { name: "man", port_security: true } })).body.network;
  const other = (await ask("POST", "/networks", { network: { name: "other" } })).body.network;
  const networks = [
    { name: "eth0", uuid: net.id, ip_address: GIVEN, type: "virtual" },
    { name: "eth1", uuid: other.id, type: "virtual" },
  ];
  const made = await ask("POST", `/${tenant}/servers`, { server: { name: "s", flavorRef, imageRef, networks } });
  server = made.body.server.id;
  port = (await ask("GET", `/ports?device_id=${server}&network_id=${net.id}`)).body.ports[0].id;
  await until("it runs", async () => (await see()).status === "ACTIVE");
  await rig.ovs.inside("ip", "addr", "add", `${GATEWAY}/24`, "dev", `ovim-${net["provider:vlan"]}`);
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (): Promise<any> => (await ask("GET", `/${tenant}/servers/${server}`)).body.server;
const change = async (what: object) => {
  const reply = await ask("PUT", `/ports/${port}`, { port: what });
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
};
/** Its bridge forgets who had which address, so that it is asked for by ARP each time. */
async function answers(): Promise<boolean> {
  await rig.ovs.inside("ip", "neigh", "flush", "all");
  return rig.ovs.inside("busybox", "ping", "-c", "1", "-W", "1", GUEST).then(
    () => true,
    () => false,
  );
}
const hasRules = async () => (await rig.ovs.inside("nft", "list", "ruleset")).includes("table bridge");
const isHeld = () => until("it is held", async () => !(await answers()));
const isHeard = () => until("it is heard", answers);

test("a network whose servers are on bridges of their hosts may hold them: a guest with another address than it was given is not heard", async () => {
  await change({ port_security: false });
  await isHeard(); // It has booted.
  await change({ port_security: null });
  await isHeld();
  await change({ allowed_address_pairs: [{ ip_address: GUEST }] });
  await isHeard();
  expect((await ask("GET", `/networks/${net.id}`)).body.network.status).toBe("ACTIVE");
});

test("with the VIM dead it stays held; what somebody else took away the VIM puts back", async () => {
  await change({ allowed_address_pairs: [] });
  await isHeld();
  await daemon.kill("SIGKILL");
  expect(await answers()).toBe(false);
  await rig.ovs.inside("nft", "flush", "ruleset");
  await isHeard(); // So the kernel's rules were what held it.
  daemon = await startDaemon(rig.config(0));
  ask = client(daemon.port);
  await isHeld();
  await rig.ovs.inside("nft", "flush", "ruleset");
  await until("its rules are back", hasRules);
  await isHeld();
});

test("of a server that is deleted nothing is heard from then on, though its guest has the time to end", async () => {
  await change({ port_security: false });
  await isHeard();
  await ask("DELETE", `/${tenant}/servers/${server}`);
  await isHeld();
  await until("its QEMU is gone", async () => (await findQemu(server)) === null);
  await until("its rules are gone", async () => !(await hasRules()));
});
