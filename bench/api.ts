import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../src/cli/table.ts";
import { parseConfig } from "../src/config.ts";
import type { HttpLoad, HttpLoadResult } from "./http-load.ts";
import { keepLine } from "./kept.ts";
import { CORES, startLoad } from "./load-process.ts";
import { failoversUnderLoad } from "./loaded-failover.ts";
import { client, startDaemon } from "./vim-process.ts";

export interface ApiBench {
  readonly root: string;
  readonly clients: number;
  /** Of each row but the failovers. */
  readonly seconds: number;
  /** Failovers without load, and as many under each. */
  readonly runs: number;
}

/** Networks that exist while one is asked for. */
const NETS = 100;

/** What the VIM's API bears, on one core, and what its failovers bear meanwhile. */
export async function benchApi({ root, clients, seconds, runs }: ApiBench): Promise<number> {
  const rows: Record<string, Asked> = {};
  for (const store of ["file", "memory"] as const) {
    using dir = folder();
    const path = store === "file" ? join(dir.path, "vim.db") : ":memory:";
    const config = parseConfig({ vim: { mode: "test", store: path, listen: { port: 0, adminPort: 0 } } }).vim!;
    const daemon = await startDaemon(config, CORES.daemon);
    try {
      const asked = async (what: string, load: Omit<HttpLoad, "port" | "seconds">) => {
        const before = daemon.cpuMs();
        const seen = await startLoad({ ...load, port: daemon.adminPort, seconds }).done;
        rows[what] = { ...seen, cpuUs: ((daemon.cpuMs() - before) / seen.requests) * 1_000 };
        console.log(rowOf(what, rows[what]).join("  "));
      };
      const get = { method: "GET", path: `/openvim/networks/${await fill(daemon.adminPort)}` };
      const post = { method: "POST", path: "/openvim/networks", body: NEW_NET };
      if (store === "file") {
        await asked(`warm-up: GET one network, ${clients} clients`, { ...get, clients });
        await asked(`GET one network, ${clients} clients`, { ...get, clients });
        await asked(`GET ${NETS} networks, ${clients} clients`, { ...get, path: "/openvim/networks", clients });
        await asked("POST network, store on the disk, 1 client", { ...post, clients: 1 });
      } else await asked("POST network, store in memory (ours alone), 1 client", { ...post, clients: 1 });
    } finally {
      await daemon.kill();
    }
  }
  const failovers = await failoversUnderLoad({ clients, runs });
  const heading = ["what", "n", "per s", "p50 ms", "p99", "max", "own CPU µs", "refused"];
  console.log(
    `\n${table(
      heading,
      Object.entries(rows).map(([what, r]) => rowOf(what, r)),
    )}\n\n${failovers.shown}`,
  );
  keepLine(root, "api", { clients, seconds, rows, failovers: failovers.figures });
  const refused = Object.values(rows).reduce((sum, r) => sum + r.refused, 0);
  return refused === 0 && failovers.missed === 0 ? 0 : 1;
}

/** Each with a bridge of its own: VLAN numbers do not suffice for so many. */
const NEW_NET = JSON.stringify({ network: { name: "n#", type: "bridge_data", "provider:physical": "bridge:b#" } });

interface Asked extends HttpLoadResult {
  /** What the VIM itself worked for a request: hardly grows with what else the machine does. */
  readonly cpuUs: number;
}

const rowOf = (what: string, r: Asked): string[] => [
  what,
  ...[r.requests, r.perSecond].map(String),
  ...[r.p50, r.p99, r.max].map((v) => v.toFixed(2)),
  r.cpuUs.toFixed(0),
  String(r.refused),
];

/** Networks with two ports each. Resolves with one of them. */
async function fill(adminPort: number): Promise<string> {
  const ask = client(adminPort);
  let last = "";
  for (let i = 0; i < NETS; i++) {
    const { network } = await ask("POST", "/networks", { network: { name: `net${i}`, type: "data" } });
    last = (network as { id: string }).id;
    for (const k of [0, 1])
      await ask("POST", "/ports", { port: { name: `p${i}-${k}`, network_id: last, "binding:switch_port": `s${i}-${k}` } });
  }
  return last;
}

function folder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sempre-api-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
