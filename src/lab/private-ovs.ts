import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DATABASE_PRIORITY, SWITCH_PRIORITY } from "./priority.ts";
import { run } from "./run.ts";
import { Supervised } from "./supervised.ts";

/** A switch of our own: ovsdb-server and ovs-vswitchd (userspace datapath) in the network namespace this process is in. */
export interface PrivateOvs extends AsyncDisposable {
  readonly dir: string;
  /** OVSDB target of its database. */
  readonly database: string;
  vsctl(...args: string[]): Promise<string>;
  /** Socket of a bridge for ovs-ofctl. */
  management(bridge: string): string;
  readonly switchPid: number | null;
}

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** Else a switch whose controller was away waits up to 8 s before it tries again, ms (`controller:max_backoff`). */
const BACKOFF_MS_MAX = 1000;

/** Starts it; both daemons are started again when they die. Throws MISSING_PART naming the log where one does not come up. */
export async function startPrivateOvs(dir: string, noteProcess: (pid: number) => void): Promise<PrivateOvs> {
  await using undo = new AsyncDisposableStack();
  await mkdir(dir, { recursive: true });
  const database = `unix:${join(dir, "db.sock")}`;
  const env = { OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
  const vsctl = (...args: string[]) => run("ovs-vsctl", [`--db=${database}`, "--timeout=10", ...args]);
  const daemon = async (name: string, args: string[], isReady: () => Promise<boolean>, priority: number) => {
    const supervised = await Supervised.start({
      name,
      command: name,
      args,
      env,
      logFile: join(dir, `${name}.out`),
      isReady,
      onStart: noteProcess,
      priority,
    });
    return undo.use(supervised);
  };

  await run("ovsdb-tool", ["create", join(dir, "conf.db"), SCHEMA]);
  const serverArgs = [join(dir, "conf.db"), `--remote=p${database}`, `--unixctl=${join(dir, "ovsdb.ctl")}`];
  await daemon("ovsdb-server", serverArgs, async () => (await vsctl("--no-wait", "init")) !== null, DATABASE_PRIORITY);
  const control = join(dir, "vswitchd.ctl");
  const switchArgs = [database, `--unixctl=${control}`, "--disable-system"];
  const isUp = async () => (await run("ovs-appctl", ["-t", control, "version"])) !== "";
  const vswitchd = await daemon("ovs-vswitchd", switchArgs, isUp, SWITCH_PRIORITY);
  const all = undo.move();
  return {
    dir,
    database,
    vsctl,
    management: (bridge) => `unix:${join(dir, `${bridge}.mgmt`)}`,
    get switchPid() {
      return vswitchd.pid;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** A bridge in fail mode secure (it does nothing by itself) with outside ports, led by one controller. */
export async function addBridge(
  ovs: PrivateOvs,
  bridge: string,
  protocol: string,
  outside: readonly string[],
  controller: string,
): Promise<void> {
  const ports = outside.flatMap((name, i) => [
    "--",
    "add-port",
    bridge,
    name,
    "--",
    "set",
    "interface",
    name,
    `ofport_request=${FIRST_OUTSIDE_PORT + i}`,
  ]);
  await ovs.vsctl(
    "add-br",
    bridge,
    "--",
    "set",
    "bridge",
    bridge,
    "datapath_type=netdev",
    "fail-mode=secure",
    `protocols=${protocol}`,
    ...ports,
  );
  await ovs.vsctl(
    "--",
    "--id=@c",
    "create",
    "controller",
    `target="${controller}"`,
    `max_backoff=${BACKOFF_MS_MAX}`,
    "--",
    "set",
    "bridge",
    bridge,
    "controller=@c",
  );
}

/** The dissertation's P3 and P4; P1 and P2 are the members' service vNICs, which the VIM plugs. */
const FIRST_OUTSIDE_PORT = 3;
