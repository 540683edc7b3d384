import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "./daemon.ts";
import { example, NETS, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

const WRITES = new URL("../../src/mano/writes.ts", import.meta.url).href;

/** A preloaded module: the daemon is killed in the moment in which an event of this type, whose change is on the disk, would go to the journal. */
const killsBefore = (type: string): string =>
  `data:text/javascript,${encodeURIComponent(`
    const { WriteQueue } = await import(${JSON.stringify(WRITES)});
    const append = WriteQueue.prototype.append;
    WriteQueue.prototype.append = function (event) {
      if (event.type === ${JSON.stringify(type)}) process.kill(process.pid, "SIGKILL");
      return append.call(this, event);
    };`)}`;

test("killed after a change is on the disk and before the journal has its events: the next run tells each of them, once", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sempre-mano-"));
  await using vim = await new ToyVim(NETS).start();
  try {
    const port = await freePort();
    const config = join(dir, "mano.json");
    const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
    writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims } }));
    const ask = async (method: string, path: string, body?: string) => {
      const headers = { version: "2.3.0", ...(body?.startsWith("{") && { "content-type": "application/json" }) };
      const res = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body !== undefined && { body }) });
      return JSON.parse((await res.text()) || "null");
    };
    const running = async (flags: readonly string[]) => {
      const mano = new ManoDaemon(config, { flags });
      await until("it is up", () => ask("GET", "/mano/v1/vims").catch(() => null));
      return mano;
    };
    /** Asks for something in a run that does not live to tell of it. */
    const killed = async (type: string, act: () => Promise<unknown>) => {
      await using mano = await running([`--import=${killsBefore(type)}`]);
      const gone = new Promise((end) => mano.process.once("exit", (_, signal) => end(signal)));
      await act().catch(() => {}); // It is not answered.
      expect(await gone).toBe("SIGKILL");
    };
    await killed("package.changed", () => ask("POST", "/mano/v1/descriptors", example("media-relay.yaml")));
    const nsWish = JSON.stringify({ nsdId: "media", nsName: "media", nsDescription: "" });
    await killed("ns.created", () => ask("POST", "/nslcm/v2/ns_instances", nsWish));
    let id = "";
    await killed("ns.occurrence", async () => {
      id = (await ask("GET", "/nslcm/v2/ns_instances"))[0].id;
      await ask("POST", `/nslcm/v2/ns_instances/${id}/instantiate`, JSON.stringify({ nsFlavourId: "default" }));
    });
    const told = async () => {
      await using _ = await running([]);
      const events: ManoEvent[] = (await ask("GET", "/mano/v1/events?since=0")).events;
      return events.flatMap((e) => {
        if (e.type === "package.changed" || e.type === "nsd.changed") return [`${e.type} ${e.change}`];
        if (e.type === "ns.created" || e.type === "vnf.created") return [e.type];
        if (e.type === "ns.occurrence") return [`${e.type} ${e.occurrence.operation} ${e.occurrence.state}`];
        return e.type === "vnf.occurrence" ? [`${e.type} ${e.state}`] : [];
      });
    };
    const all = [
      "package.changed onboarded",
      "nsd.changed onboarded",
      "ns.created",
      "vnf.created",
      "ns.occurrence INSTANTIATE PROCESSING",
      "vnf.occurrence STARTING",
      "vnf.occurrence PROCESSING",
    ];
    expect(await told()).toEqual(all);
    expect(await told()).toEqual(all);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
