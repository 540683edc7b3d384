import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { parseConfig } from "../src/config.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import type { NetId } from "../src/model/ids.ts";
import { openStore } from "../src/store/open.ts";
import type { VimDb } from "../src/store/vim-schema.ts";
import { Vim } from "../src/vim/vim.ts";
import { type Ovs, startOvs } from "../test/harness/ovs.ts";
import { addPorts, BRIDGE, databaseOf } from "./dummy-ports.ts";
import { type Daemon, startDaemon } from "./vim-process.ts";

/** A data net with a port of its own, and a traffic net of three ports that is bound to it. */
export interface Pair {
  readonly data: NetId;
  readonly traffic: NetId;
}

export interface ManyNetsRig extends AsyncDisposable {
  readonly ovs: Ovs;
  readonly pairs: readonly Pair[];
  /** ms for each of the networks and ports, made one after the other through the VIM's own doors. */
  readonly makingMs: number;
  /** Its file, and the TCP port that the switch looks for its controller at. */
  readonly store: string;
  readonly openflowPort: number;
  /** The VIM as a process of its own; `flags`: of Node, in place of those for so many. */
  start(flags?: readonly string[]): Promise<Daemon>;
}

const MIGRATIONS = join(import.meta.dirname, "../sql/vim");
const [TRUNK_VLANS, REGION_VLANS] = [4_000, 4_000];
/** A switch takes minutes to take thousands of ports in, and longer on a busy machine. */
const MEMBER_PORTS_MAX = 500;
/** As docs/how-to/run-the-daemons.md has it for so many. */
const HEAP_MIB_MAX = "--max-old-space-size=112";

export async function startManyNets(pairCount: number): Promise<ManyNetsRig> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sempre-many-nets-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  const store = join(dir, "vim.db");
  const from = systemClock.now();
  const pairs = await fill(store, pairCount);
  const makingMs = (systemClock.now() - from) / (6 * pairCount);

  const ovs = undo.use(await startOvs({ datapathType: "dummy", ports: [], protocols: ["OpenFlow13"] }));
  await addPorts(ovs, portNames(pairCount));
  const openflow = 20_000 + (process.pid % 20_000);
  await setController(ovs, `tcp:127.0.0.1:${openflow}`);
  const config = parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "127.0.0.1", port: openflow },
      store,
      libvirtSocket: join(dir, "no-libvirt"),
      ovsdb: ovs.management.replace("br0.mgmt", "db.sock"),
      bridge: "br0",
      runDir: dir,
      accel: "tcg",
    },
  }).vim!;
  const ends = undo.move();
  return {
    ovs,
    pairs,
    makingMs,
    store,
    openflowPort: openflow,
    start: (flags = [HEAP_MIB_MAX]) => startDaemon(config, null, flags),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

/** Where the n-th port of a trunk is. */
const onTrunk = (n: number) => ({ switchPort: `trunk${Math.floor(n / TRUNK_VLANS)}`, vlan: (n % TRUNK_VLANS) + 1 });

/** A member has a switch port of its own, as far as there are so many: the others are on trunks, as the users are. */
const memberAt = (i: number, pairCount: number) =>
  i < MEMBER_PORTS_MAX ? { switchPort: `t${i}` } : onTrunk(3 * pairCount + i - MEMBER_PORTS_MAX);

const portNames = (pairCount: number): string[] => {
  const own = Math.min(pairCount, MEMBER_PORTS_MAX);
  const trunks = Math.ceil((4 * pairCount - own) / TRUNK_VLANS);
  return [...Array.from({ length: trunks }, (_, n) => `trunk${n}`), ...Array.from({ length: own }, (_, i) => `t${i}`)];
};

async function fill(path: string, pairCount: number): Promise<Pair[]> {
  const db = await openStore<VimDb>({ path, migrationsDir: MIGRATIONS });
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 1, last: 4094 } });
  await sql`pragma synchronous = off`.execute(db);
  await vim.catalogue.createTenant({ name: "default" });
  const pairs: Pair[] = [];
  for (let i = 0; i < pairCount; i++) {
    const region = `region${Math.floor((2 * i) / REGION_VLANS)}`;
    const data = await vim.nets.createNet({ name: `data${i}`, kind: "data", region });
    const traffic = await vim.nets.createNet({ name: `traffic${i}`, kind: "data", region, bindNet: data.id });
    await vim.ports.createPort({ name: `member${i}`, netId: data.id, ...memberAt(i, pairCount), mac: macOf(0, i) });
    for (let k = 0; k < 3; k++) {
      const n = 3 * i + k;
      await vim.ports.createPort({ name: `user${n}`, netId: traffic.id, ...onTrunk(n), mac: i % 2 === 0 ? null : macOf(1, n) });
    }
    pairs.push({ data: data.id, traffic: traffic.id });
  }
  await vim.picture.settled();
  await vim.events.flush();
  await db.destroy();
  return pairs;
}

const macOf = (kind: number, n: number) => `02:0${kind}:00:${n.toString(16).padStart(6, "0").match(/../g)!.join(":")}`;

/** By the database again: ovs-vsctl waits until the switch has gone through all its ports once more. */
async function setController(ovs: Ovs, target: string): Promise<void> {
  const session = await databaseOf(ovs);
  await session.transact([
    { op: "insert", table: "Controller", row: { target, max_backoff: 1_000 }, "uuid-name": "controller" },
    {
      op: "mutate",
      table: "Bridge",
      where: BRIDGE,
      mutations: [["controller", "insert", ["set", [["named-uuid", "controller"]]]]],
    },
  ]);
  session.close();
}
