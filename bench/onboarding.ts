import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { parseConfig } from "../src/config.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import { startMano } from "../src/mano.ts";
import { zipOf } from "../test/harness/zip.ts";
import { keepLine } from "./kept.ts";

/** What issue 5 asks for. */
const LIMIT_MS = 50;
const WARM_UP = 10;

type Kind = { readonly name: string; readonly type: string; readonly bodyOf: (n: number) => string | Uint8Array };

/** From the request to the answer that the descriptors are on the disk, each time other ones; in each form. */
export async function benchOnboarding({ root, runs }: { readonly root: string; readonly runs: number }): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "sempre-bench-"));
  const config = parseConfig({ mano: { listen: { port: 0 }, store: join(dir, "mano.db"), vims: [] } }).mano!;
  const found: Record<string, NonNullable<ReturnType<typeof spreadOf>>> = {};
  try {
    await using mano = await startMano(config, { clock: systemClock, log: silent });
    for (const kind of kindsIn(root)) {
      const times: number[] = [];
      for (let n = 0; n < runs + WARM_UP; n++) times.push(await timed(mano.port, kind, n));
      found[kind.name] = spreadOf(times.slice(WARM_UP))!;
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
  console.log(
    table(
      ["ms, from request to answer", "p50", "p99", "max"],
      Object.entries(found).map(([name, s]) => [name, ms(s.p50), ms(s.p99), ms(s.max)]),
    ),
  );
  keepLine(root, "onboarding", { runs, ...found });
  return Object.values(found).every((s) => s.p99 <= LIMIT_MS) ? 0 : 1;
}

function kindsIn(root: string): Kind[] {
  const example = (name: string) => readFileSync(join(root, "examples", name), "utf8");
  const [plain, sol, vnf] = [
    example("media-relay.yaml"),
    example("sol006/media-service.yaml"),
    example("openmano/media-relay.vnf.yaml"),
  ];
  const renamed = (text: string, n: number, kind: string) =>
    text.replaceAll(/(id|vnfd|vnfd-id|name): \[?media(-relay)?(-sol)?\]?$/gm, (m) => m.replace(/media/, `${kind}${n}-media`));
  return [
    { name: "plain", type: "application/yaml", bodyOf: (n) => renamed(plain, n, "p") },
    { name: "SOL006", type: "application/yaml", bodyOf: (n) => renamed(sol, n, "s") },
    { name: "OpenMANO VNFD", type: "application/yaml", bodyOf: (n) => renamed(vnf, n, "o") },
    {
      name: "SOL006 in a package",
      type: "application/zip",
      bodyOf: (n) => zipOf([{ name: "service.yaml", bytes: renamed(sol, n, "z") }]),
    },
  ];
}

async function timed(port: number, { type, bodyOf }: Kind, n: number): Promise<number> {
  const body = bodyOf(n);
  const from = systemClock.now();
  const res = await fetch(`http://127.0.0.1:${port}/mano/v1/descriptors`, {
    method: "POST",
    headers: { "content-type": type },
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const text = await res.text();
  const took = systemClock.now() - from;
  if (res.status !== 201) throw new Error(`refused: ${text}`);
  return took;
}
