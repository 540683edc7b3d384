import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";
import { Receiver } from "../harness/receiver.ts";
import { ManoDaemon } from "./daemon.ts";
import { example, NETS, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";
import { ToyVim } from "./toy-vim.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-pm-kill-"));
afterAll(() => rmSync(dir, { recursive: true }));

const JOBS = "/nspm/v2/pm_jobs";

test("killed in the moment a report is told: the job goes on, the report is there, and none is told under two ids", async () => {
  await using vim = await new ToyVim(NETS).start();
  await using receiver = await Receiver.start();
  const port = await freePort();
  const config = join(dir, "mano.json");
  const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
  writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims } }));
  const sol = new SolClient({ url: `http://127.0.0.1:${port}` }, "SOL005");
  const isUp = () => sol.askUnchecked("GET", JOBS).catch(() => null);

  await using first = new ManoDaemon(config);
  await until("the MANO is up", isUp);
  await sol.askUnchecked("POST", "/mano/v1/descriptors", example("media-relay.yaml"));
  const [nsd] = (await sol.ask("GET", "/nsd/v2/ns_descriptors")).body;
  const ns = (await sol.ask("POST", "/nslcm/v2/ns_instances", { nsdId: nsd.nsdId, nsName: "media", nsDescription: "" })).body;
  const criteria = { performanceMetric: ["VnfcUpCountNs"], collectionPeriod: 1, reportingPeriod: 2 };
  const asked = { objectType: "Ns", objectInstanceIds: [ns.id], criteria, callbackUri: receiver.url };
  const { id } = (await sol.ask("POST", JOBS, asked)).body;

  const told: { id: string; report: string }[] = [];
  let killed: Promise<void> | null = null;
  receiver.reply = ({ method, text }) => {
    if (method === "POST") {
      const note = JSON.parse(text);
      told.push({ id: note.id, report: note._links.performanceReport.href });
      killed ??= first.kill("SIGKILL");
    }
    return { status: 204, ...(killed && { after: killed }) };
  };
  await until("told and killed", () => killed !== null);
  await killed;

  await using second = new ManoDaemon(config);
  await until("the MANO is up again", isUp);
  const report = await sol.ask("GET", new URL(told[0]!.report).pathname);
  expect(report.status).toBe(200);
  const isMeasured = async (at: string) => (await sol.ask("GET", new URL(at).pathname)).body.entries?.[0]?.performanceValue === 0;
  expect((await sol.ask("GET", `${JOBS}/${id}`)).body.criteria).toEqual(criteria);
  await until("it goes on", async () => {
    for (const t of told) if (t.report !== told[0]!.report && (await isMeasured(t.report))) return true;
    return false;
  });
  for (const of of Map.groupBy(told, (t) => t.report).values()) expect(new Set(of.map((t) => t.id)).size).toBe(1);
  expect(second.log).not.toContain('"level":60');
});
