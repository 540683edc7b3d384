import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "../mano/daemon.ts";
import { LINUX, SIMPLE } from "./descriptors.ts";
import { askAt, openmanoRig, type Reply } from "./rig.ts";

/** Until it is so, however loaded the machine is. */
async function until(what: string, ask: () => Promise<Reply>, is: (reply: Reply) => boolean): Promise<Reply> {
  let last = "no answer";
  for (const from = Date.now(); Date.now() - from < 45_000; await sleep(50)) {
    try {
      const reply = await ask();
      if (is(reply)) return reply;
      last = reply.text;
    } catch (e) {
      last = String(e);
    }
  }
  throw new Error(`${what}: not within 45 s; last: ${last}`);
}

test("killed the instant after an answer, the next run finishes what was asked: an instance that was made, then one that was deleted", async () => {
  await using rig = await openmanoRig(); // For its VIM; its own MANO does nothing.
  const dir = await mkdtemp(join(tmpdir(), "openmano-kill-"));
  try {
    const port = await freePort();
    const config = join(dir, "config.json");
    await writeFile(config, JSON.stringify({ mano: { store: join(dir, "mano.db"), listen: { port } } }));
    const at = (method: string, path: string, body?: unknown) => askAt(`http://127.0.0.1:${port}/openmano${path}`, method, body);
    const isReady = () =>
      until(
        "it listens",
        () => at("GET", "/tenants"),
        (r) => r.status === 200,
      );
    const servers = () => rig.atVim("GET", "/any/servers");

    await using first = new ManoDaemon(config);
    await isReady();
    await at("POST", "/tenants", { tenant: { name: "gold" } });
    await at("POST", "/datacenters", { datacenter: { name: "dc", vim_url: rig.vimUrl, vim_url_admin: rig.vimAdminUrl } });
    await at("POST", "/gold/datacenters/dc", { datacenter: {} });
    await at("POST", "/gold/vim/dc/networks", { network: { name: "mgmt", type: "bridge", shared: true } });
    await at("POST", "/gold/vnfs", LINUX);
    await at("POST", "/gold/scenarios", SIMPLE);
    const made = await at("POST", "/gold/instances", { instance: { name: "kept", scenario: "simple" } });
    expect(made.status).toBe(200);
    await first.kill("SIGKILL");

    await using second = new ManoDaemon(config);
    await until(
      "the VM is up",
      () => at("GET", "/gold/instances/kept"),
      (r) => /^ACTIVE/.test(r.body.vnfs?.[0].vms[0].status),
    );
    expect((await servers()).body.servers.map((s: { name: string }) => s.name)).toEqual(["kept-linux1-linux-VM-1"]);
    expect((await at("DELETE", "/gold/instances/kept")).status).toBe(200);
    await second.kill("SIGKILL");

    await using _third = new ManoDaemon(config);
    await isReady();
    expect((await at("GET", "/gold/instances")).body).toEqual({ instances: [] });
    await until("the VIM is empty", servers, (r) => r.body.servers.length === 0);
    await until(
      "the datacenter is free",
      () => at("DELETE", "/gold/datacenters/dc"),
      (r) => r.status === 200,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
