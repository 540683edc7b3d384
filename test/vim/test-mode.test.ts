import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningVim, startVim } from "../../src/vim.ts";
import { type Ask, client, type Daemon, startDaemon, until } from "./rig.ts";

// `mode: test`: a VIM that needs nothing of the machine, as OpenVIM's mode of that name.

const dir = mkdtempSync(join(tmpdir(), "sempre-test-mode-"));
const config = parseConfig({ vim: { mode: "test", store: join(dir, "vim.db"), listen: { port: 0, adminPort: 0 } } }).vim!;
let daemon: Daemon;
let ask: Ask;
let admin: Ask;
let tenant: string;

async function start(): Promise<void> {
  daemon = await startDaemon(config);
  ask = client(daemon.port);
  admin = client(daemon.adminPort);
}

beforeAll(async () => {
  await start();
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

const HOST = {
  name: "fake-1",
  ip_name: "fake1",
  user: "u",
  numas: [
    {
      numa_socket: 0,
      memory: 8,
      hugepages: 6,
      cores: [
        { core_id: 0, thread_id: 0, status: "noteligible" },
        { core_id: 0, thread_id: 1, status: "noteligible" },
      ],
    },
  ],
};

let server: string;
const status = async () => (await ask("GET", `/${tenant}/servers/${server}`)).body.server.status;
const becomes = (wanted: string) => until(`the server is ${wanted}`, async () => (await status()) === wanted);
const act = (action: object) => ask("POST", `/${tenant}/servers/${server}/action`, action);

test("a host that is added takes servers: the memory without huge pages, on the threads kept from guests", async () => {
  const made = await admin("POST", "/hosts", { host: HOST });
  expect([made.status, made.body.host.memory_mb, made.body.host.cpus]).toEqual([200, 2_048, 2]);
  const image = { name: "i", path: "/nowhere/image.qcow2" };
  const imageRef = (await ask("POST", `/${tenant}/images`, { image })).body.image.id;
  const flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "f", ram: 512, vcpus: 1 } })).body.flavor.id;
  const net = (await ask("POST", "/networks", { network: { name: "m" } })).body.network.id;
  const asked = { name: "vm", flavorRef, imageRef, networks: [{ uuid: net, name: "eth0" }] };
  const reply = await ask("POST", `/${tenant}/servers`, { server: asked });
  expect([reply.status, reply.body.server?.status]).toEqual([200, "CREATING"]);
  server = reply.body.server.id;
  await becomes("ACTIVE");
  const [port] = (await ask("GET", `/ports?device_id=${server}`)).body.ports;
  expect(port.status).toBe("ACTIVE");
  const big = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "big", ram: 4_096, vcpus: 1 } })).body.flavor.id;
  const refused = await ask("POST", `/${tenant}/servers`, { server: { ...asked, name: "vm2", flavorRef: big } });
  expect([refused.status, refused.body.error.description]).toEqual([400, expect.stringContaining("No room at data center")]);
});

test("actions change its state as on a real host", async () => {
  for (const [action, wanted] of [
    [{ pause: null }, "PAUSED"],
    [{ resume: null }, "ACTIVE"],
    [{ shutdown: null }, "INACTIVE"],
    [{ start: null }, "ACTIVE"],
    [{ forceOff: null }, "INACTIVE"],
    [{ rebuild: null }, "ACTIVE"],
  ] as const) {
    expect((await act(action)).status).toBe(200);
    await becomes(wanted);
  }
});

test("a restart ends no server; a host with servers is not deleted, an empty one takes none any more", async () => {
  await daemon.kill("SIGKILL");
  await start();
  await becomes("ACTIVE");
  await act({ pause: null });
  await becomes("PAUSED");
  const [host] = (await ask("GET", "/hosts?name=fake-1")).body.hosts;
  expect((await admin("DELETE", `/hosts/${host.id}`)).status).toBe(400);
  await ask("DELETE", `/${tenant}/servers/${server}`);
  expect((await admin("DELETE", `/hosts/${host.id}`)).status).toBe(200);
});

test("it says loudly that it contacts nobody, and ends", async () => {
  const said: string[] = [];
  const log = { ...silent, warn: (...args: unknown[]) => said.push(String(args.at(-1))) } as unknown as typeof silent;
  const own = { ...config, store: ":memory:" };
  const vim: RunningVim = await startVim(own, { clock: systemClock, log });
  expect(said).toEqual([expect.stringMatching(/^TEST MODE: no host and no switch is contacted/)]);
  expect(vim.openflowPort).toBe(0);
  await vim[Symbol.asyncDispose]();
});
