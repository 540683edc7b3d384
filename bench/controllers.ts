import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ms, table } from "../src/cli/table.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { VERSION } from "../src/lib/version.ts";
import type { ControllerKind } from "../src/model/sdn-controller.ts";
import { KINDS } from "../test/harness/controllers/kinds.ts";
import { startOsKen } from "../test/harness/controllers/os-ken.ts";
import { type Ask, made, startControllersVim } from "../test/harness/controllers/vim.ts";
import { startOvs } from "../test/harness/ovs.ts";

// node bench/controllers.ts [RUNS]: how long a bind takes through each controller, from the request to the VIM until the entries were
// sent and until they were read back. A stand-in costs what its protocol costs (requests, looks, states that come late), and no more.

const ROOT = join(import.meta.dirname, "..");
const RUNS = Number(process.argv[2] ?? 30);
const PORTS = ["p1", "p2", "p3"];

interface Led {
  readonly name: string;
  readonly kind: ControllerKind;
  readonly port: number;
  readonly dpid: string;
  readonly login: { readonly user: string; readonly password: string } | null;
}

async function bench({ name, kind, port, dpid, login }: Led): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), "sempre-bench-"));
  try {
    await using life = await startControllersVim(join(dir, "vim.db"), systemClock);
    const { ask } = life;
    const ofc = await made(ask, "/openflow/controller/", "ofc", {
      name: "bench",
      dpid,
      ip: "127.0.0.1",
      port,
      type: kind,
      ...login,
    });
    while ((await ask("GET", `/openflow/controller/${ofc}`)).body.ofc.status !== "ACTIVE") await sleep(50);
    const nets: string[] = [];
    for (const p of PORTS) {
      const id = await made(ask, "/networks", "network", { name: p, type: "data" });
      const at = { "binding:switch_port": p, "binding:switch_dpid": dpid };
      await made(ask, "/ports", "port", { name: p, ...at, network_id: id });
      nets.push(id);
    }
    return keep(name, await bindToAndFro(ask, nets as [string, string, string]));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Times {
  readonly sent: number[];
  readonly confirmed: number[];
}

/** The first one is not counted: it finds nothing to take out. */
async function bindToAndFro(ask: Ask, [user, a, b]: [string, string, string]): Promise<Times> {
  const times: Times = { sent: [], confirmed: [] };
  for (let run = 0; run <= RUNS; run++) {
    const from = systemClock.now();
    const { body } = await ask("PUT", `/networks/${user}/${run % 2 === 0 ? a : b}`);
    if (body.applied == null) throw new Error(`it was not confirmed: ${JSON.stringify(body)}`);
    if (run === 0) continue;
    times.sent.push(body.applied.on_wire_mono_ms - from);
    times.confirmed.push(body.applied.barrier_mono_ms - from);
  }
  return times;
}

function keep(name: string, { sent, confirmed }: Times): string[] {
  const [toSent, toConfirmed] = [spreadOf(sent), spreadOf(confirmed)];
  const machine = { cpu: cpus()[0]?.model ?? "", cores: cpus().length, kernel: release(), node: process.versions.node };
  const line = { at: new Date().toISOString(), what: "controllers", version: VERSION, controller: name, n: RUNS };
  const path = join(ROOT, "bench", "results", "controllers.jsonl");
  appendFileSync(path, `${JSON.stringify({ ...line, sent: toSent, confirmed: toConfirmed, machine })}\n`);
  return [name, ...[toSent, toConfirmed].flatMap((s) => [ms(s?.p50), ms(s?.p99), ms(s?.max)])];
}

const rows: string[][] = [];
for (const { name, kind, make } of KINDS) {
  await using standIn = await make(PORTS).listen();
  rows.push(await bench({ name: `${name} (stand-in)`, kind, port: standIn.port, dpid: "1", login: standIn.login }));
}
for (const protocol of ["OpenFlow10", "OpenFlow13"] as const) {
  await using osKen = await startOsKen("127.0.0.1");
  const controller = [`tcp:127.0.0.1:${osKen.openflowPort}`];
  await using ovs = await startOvs({ datapathType: "dummy", ports: PORTS, protocols: [protocol], controller });
  const dpid = JSON.parse(await ovs.vsctl("get", "bridge", "br0", "datapath_id")) as string;
  const port = Number(new URL(osKen.url).port);
  rows.push(await bench({ name: `os-ken, Open vSwitch, ${protocol}`, kind: "floodlight", port, dpid, login: null }));
}
console.log(table(["controller", "sent p50", "p99", "max", "confirmed p50", "p99", "max"], rows));
