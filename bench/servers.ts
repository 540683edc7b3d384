import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { startRig, subscribe, until } from "../test/vim/rig.ts";
import { standBeforeLibvirt, standBeforeOvsdb } from "./between.ts";
import { keepLine } from "./kept.ts";
import { medianSteps, ourSteps, type Step } from "./server-steps.ts";

import { client, startDaemon } from "./vim-process.ts";

export interface ServersBench {
  readonly root: string;
  readonly runs: number;
}

/** Shorter stretches are not named. */
const SHOWN_FROM_MS = 0.2;
/** Until the machine has done with what a QEMU that ended leaves. */
const REST_MS = 300;

/** One server of two vNICs after the other, on a real libvirtd and switch: asked for, running, deleted. */
export async function benchServers({ root, runs }: ServersBench): Promise<number> {
  await using rig = await startRig();
  const config = rig.config(0);
  const [libvirtSocket, ovsdbSocket] = [join(rig.dir, "libvirt-between"), join(rig.dir, "ovsdb-between")];
  await using libvirt = await standBeforeLibvirt(libvirtSocket, config.libvirtSocket);
  await using ovsdb = await standBeforeOvsdb(ovsdbSocket, config.ovsdb.replace("unix:", ""));
  const daemon = await startDaemon({ ...config, libvirtSocket, ovsdb: `unix:${ovsdbSocket}` });
  const heard = await subscribe(daemon.adminPort);
  try {
    const ask = client(daemon.adminPort);
    await rig.ovs.setControllers(`tcp:${rig.ovs.outside}:${daemon.openflowPort}`);
    await until("the switch is connected", async () => Object.keys(await switchPorts(ask)).length > 0);
    const body = await askedServer(ask, rig.imagePath);
    const tenant = body.tenant;
    const done: Run[] = [];
    for (let i = 0; i < runs + 1; i++) {
      const from = systemClock.now();
      const { server } = await ask("POST", `/${tenant}/servers`, { server: { ...body.server, name: `s${i}` } });
      const answered = systemClock.now();
      const { id } = server as { id: string };
      const isRunning = (e: (typeof heard.events)[number]) =>
        e.type === "server.status" && e.serverId === id && e.status === "ACTIVE";
      const running = await until("the server runs", () => heard.events.find(isRunning)?.heardAt, 60_000);
      const others = [...ovsdb.words, { at: answered, what: "answered" }];
      const steps = ourSteps({ from, to: running, libvirt: libvirt.words, others });
      const ours = steps.reduce((sum, s) => sum + s.ms, 0);
      const figures = { answered: answered - from, running: running - from, libvirt: running - from - ours, ours, steps };
      if (i > 0) done.push(figures); // The first one is not counted: code that ran never is slow the first time.
      await ask("DELETE", `/${tenant}/servers/${id}?force=true`);
      await systemClock.sleep(REST_MS);
    }
    tell(root, done);
    return 0;
  } finally {
    heard.close();
    await daemon.kill();
  }
}

type Client = ReturnType<typeof client>;

/** ms from the request. */
interface Run {
  readonly answered: number;
  /** Told to subscribers. */
  readonly running: number;
  /** Of that, what libvirtd took: QEMU's start, mostly. */
  readonly libvirt: number;
  /** The rest: checks, placement, store, disks, taps, ports of the switch, and telling. */
  readonly ours: number;
  /** What that is made of. */
  readonly steps: readonly Step[];
}

const switchPorts = async (ask: Client) => (await ask("GET", "/networks/openflow/ports")).ports as object;

async function askedServer(ask: Client, path: string) {
  const idOf = async (url: string, kind: string, thing: object): Promise<string> =>
    ((await ask("POST", url, { [kind]: thing }))[kind] as { id: string }).id;
  const { tenants } = await ask("GET", "/tenants");
  const tenant = (tenants as { id: string }[])[0]!.id;
  const imageRef = await idOf(`/${tenant}/images`, "image", { name: "i", path });
  const flavorRef = await idOf(`/${tenant}/flavors`, "flavor", { name: "f", ram: 32, vcpus: 1 });
  const nets = [];
  for (const name of ["n0", "n1"]) nets.push({ uuid: await idOf("/networks", "network", { name, type: "data" }), name });
  return { tenant, server: { imageRef, flavorRef, networks: nets } };
}

function tell(root: string, done: readonly Run[]): void {
  const of = (what: Exclude<keyof Run, "steps">) => spreadOf(done.map((r) => r[what]))!;
  const figures = { answered: of("answered"), running: of("running"), libvirt: of("libvirt"), ours: of("ours") };
  const row = (what: string, key: keyof typeof figures) => [
    what,
    ...[figures[key].p50, figures[key].p99, figures[key].max].map(ms),
  ];
  const rows = [
    row("POST to the answer", "answered"),
    row("POST to QEMU running, and told", "running"),
    row("  of that: libvirtd", "libvirt"),
    row("  of that: ours", "ours"),
  ];
  console.log(table(["ms", `n=${done.length} p50`, "p99", "max"], rows));
  const ways = done.map((r) => r.steps);
  const steps = medianSteps(ways, (step) => step.what);
  console.log("\nOurs by step, median of each: what it ended with, and where the time was within it.");
  for (const step of steps) {
    const its = ways.map((way) => way.filter((s) => s.what === step.what));
    const within = medianSteps(its, (s) => s.between).filter((s) => s.ms >= SHOWN_FROM_MS);
    console.log(`${ms(step.ms).padStart(6)}  ${step.what.padEnd(10)} ${within.map((s) => `${s.what} ${ms(s.ms)}`).join(", ")}`);
  }
  keepLine(root, "servers", { n: done.length, ...figures, steps });
}
