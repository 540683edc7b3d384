import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "./daemon.ts";
import { example, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-sol-kill-"));
afterAll(() => rmSync(dir, { recursive: true }));

const LIST = "/vnfpkgm/v2/vnf_packages";

test("killed while a package comes: the next run has it as it was before, nothing is left, and it can be sent again", async () => {
  const port = await freePort();
  const config = join(dir, "mano.json");
  const store = join(dir, "mano.db");
  writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store, vims: [] } }));
  const sol = new SolClient({ url: `http://127.0.0.1:${port}` });
  const isUp = () => sol.askUnchecked("GET", LIST).catch(() => null);

  await using first = new ManoDaemon(config);
  await until("the MANO is up", isUp);
  const at = `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;
  const put = request(`${sol.url}${at}/package_content`, {
    method: "PUT",
    headers: { version: "2.4.0", "content-type": "text/plain", "transfer-encoding": "chunked" },
  });
  put.on("error", () => {}); // It is killed under it.
  put.write("nfv:\n");
  const parts = () => (existsSync(`${store}.packages`) ? readdirSync(`${store}.packages`) : []);
  await until("some of it is there", async () => (await sol.ask("GET", at)).body.onboardingState === "UPLOADING");
  await until("a part is on the disk", () => parts().some((f) => f.endsWith(".part")));
  await first.kill("SIGKILL");
  put.destroy();
  writeFileSync(join(`${store}.packages`, "not-ours.txt"), "left alone");

  await using second = new ManoDaemon(config);
  await until("the MANO is up again", isUp);
  await until("it is as before", async () => (await sol.ask("GET", at)).body.onboardingState === "CREATED");
  expect(parts()).toEqual(["not-ours.txt"]);
  const vnf = example("openmano/media-relay.vnf.yaml");
  expect((await sol.ask("PUT", `${at}/package_content`, vnf, { "content-type": "text/plain" })).status).toBe(202);

  await second.kill("SIGKILL"); // At whatever point it is in: it has been acknowledged.
  await using third = new ManoDaemon(config);
  await until("the MANO is up once more", isUp);
  await until("it is on board", async () => (await sol.ask("GET", at)).body.onboardingState === "ONBOARDED");
  expect((await sol.ask("GET", `${at}/package_content`, undefined, { accept: "text/plain" })).bytes.toString()).toBe(vnf);
  expect(third.log).not.toContain('"level":60');
});
