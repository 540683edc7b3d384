import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";
import type { DhcpServer } from "../model/dhcp.ts";
import { confOf, INSIDE, leasesThatHold } from "./dnsmasq-words.ts";

const run = promisify(execFile);

/** dnsmasq ends within a millisecond of a SIGTERM; a loaded host takes longer. */
const END_MAX_MS = 5_000;
const LOOK_EVERY_MS = 5;

/** What is asked of the switch's database and of the kernel for the cable of a server. */
export interface DhcpPlugs {
  ensurePort(device: string): Promise<unknown>;
  removePort(device: string): Promise<unknown>;
  ensureBridge(name: string, netns: string | null): Promise<unknown>;
}

/**
 * DHCP servers, each a dnsmasq in a network namespace of its own with a cable to its net. They run on when this process ends, as guests
 * do, and the next one finds them: each has a folder with what it was told, its leases and its process id. Every verb may be repeated.
 */
export class DhcpServers {
  readonly #dir: string;
  readonly #plugs: DhcpPlugs;

  /** `dir`: a folder of this VIM alone. */
  constructor(dir: string, plugs: DhcpPlugs) {
    this.#dir = dir;
    this.#plugs = plugs;
  }

  /** Of all servers that were made here and not removed. */
  async keys(): Promise<string[]> {
    return existsSync(this.#dir) ? await readdir(this.#dir) : [];
  }

  /** Whether it runs and was told this. */
  async isRunning(server: DhcpServer): Promise<boolean> {
    const files = this.#filesOf(server.key);
    const conf = await readFile(files.conf, "utf8").catch(() => null);
    return conf === confOf(server, files) && (await this.#pid(server.key)) !== null;
  }

  /**
   * Brings it about that it runs as it is described, and is cabled. Throws MISSING_PART with the words of the tool where this machine
   * cannot, and what the switch's database refuses.
   */
  async ensure(server: DhcpServer): Promise<void> {
    const files = this.#filesOf(server.key);
    await mkdir(files.dir, { recursive: true });
    await this.#cable(server);
    if (await this.isRunning(server)) return;
    // The old one ends before the new words are written: whoever runs was told what stands there.
    await this.#end(server.key);
    const leases = await readFile(files.leases, "utf8").catch(() => "");
    await replaceFile(files.leases, leasesThatHold(leases, server.reservations));
    await replaceFile(files.conf, confOf(server, files));
    await tool("ip", "netns", "exec", this.#netnsOf(server.key), "dnsmasq", `--conf-file=${files.conf}`);
  }

  /** Its process, its cable and its leases. `device`: the cable's end. */
  async remove(key: string, device: string): Promise<void> {
    const { dir } = this.#filesOf(key);
    if (!existsSync(dir)) return;
    await this.#plugs.removePort(device);
    const netns = this.#netnsOf(key);
    if (isNetns(netns)) {
      await this.#end(key);
      await tool("ip", "netns", "del", netns); // The cable goes with it.
    }
    await rm(dir, { recursive: true, force: true }); // Last: it is what a crash leaves to be found.
  }

  #filesOf(key: string) {
    const dir = join(this.#dir, key);
    const [conf, pid, leases, log] = ["conf", "pid", "leases", "log"].map((f) => join(dir, f)) as [
      string,
      string,
      string,
      string,
    ];
    return { dir, conf, pid, leases, log };
  }

  /** Namespaces have one list on a machine, which others use too. */
  #netnsOf(key: string): string {
    return `dhcp-${createHash("sha256").update(join(this.#dir, key)).digest("hex").slice(0, 11)}`;
  }

  /** Process ids are given again after a crash, so it must be one of ours. */
  async #pid(key: string): Promise<number | null> {
    const { pid, conf } = this.#filesOf(key);
    const id = Number(await readFile(pid, "utf8").catch(() => ""));
    if (!Number.isInteger(id) || id <= 0) return null;
    const line = await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "");
    return line.split("\0").includes(`--conf-file=${conf}`) ? id : null;
  }

  /** Everything in its namespace, also what was started and killed with us before it wrote down its id. */
  async #end(key: string): Promise<void> {
    const giveUpAt = performance.now() + END_MAX_MS;
    for (let isFirst = true; ; isFirst = false) {
      const pids = (await tool("ip", "netns", "pids", this.#netnsOf(key))).split("\n").filter(Boolean).map(Number);
      if (pids.length === 0) return;
      const isLate = performance.now() > giveUpAt;
      if (isFirst || isLate) for (const pid of pids) kill(pid, isLate ? "SIGKILL" : "SIGTERM");
      await delay(LOOK_EVERY_MS);
    }
  }

  async #cable({ key, netns, device, bridge, mac, ip, prefix, mtu }: DhcpServer): Promise<void> {
    const own = this.#netnsOf(key);
    const there = netns === null ? [] : ["-n", netns];
    if (!isNetns(own)) await tool("ip", "netns", "add", own);
    if (!(await hasDevice(own, INSIDE))) {
      if (await hasDevice(netns, device)) await tool("ip", ...there, "link", "del", "dev", device); // Half of a cable.
      await tool("ip", ...there, "link", "add", "name", device, "type", "veth", "peer", "name", INSIDE, "netns", own);
    }
    await tool(
      "ip",
      "-n",
      own,
      "link",
      "set",
      "dev",
      INSIDE,
      "address",
      mac,
      ...(mtu === null ? [] : ["mtu", String(mtu)]),
      "up",
    );
    const { stdout } = await run("ip", ["-n", own, "-4", "-o", "addr", "show", "dev", INSIDE, "scope", "global"]);
    if (!stdout.includes(` ${ip}/${prefix} `) || stdout.trim().includes("\n")) {
      await tool("ip", "-n", own, "addr", "flush", "dev", INSIDE);
      await tool("ip", "-n", own, "addr", "add", `${ip}/${prefix}`, "brd", "+", "dev", INSIDE);
    }
    // The kernel must finish checksums before a userspace switch sees a packet. Without ethtool the switch's own setting suffices.
    await run("ip", ["netns", "exec", own, "ethtool", "-K", INSIDE, "tx", "off"]).catch(() => {});
    if (bridge === null) {
      await tool("ip", ...there, "link", "set", "dev", device, "up");
      await this.#plugs.ensurePort(device);
      return;
    }
    if (bridge.isOurs) await this.#plugs.ensureBridge(bridge.name, netns);
    await tool("ip", ...there, "link", "set", "dev", device, "master", bridge.name, "up");
  }
}

const isNetns = (name: string): boolean => existsSync(`/run/netns/${name}`);

const hasDevice = (netns: string | null, name: string): Promise<boolean> =>
  run("ip", [...(netns === null ? [] : ["-n", netns]), "link", "show", "dev", name]).then(
    () => true,
    () => false,
  );

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {} // It has ended meanwhile.
}

/** Whole or not at all. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function tool(command: string, ...args: string[]): Promise<string> {
  try {
    return (await run(command, args)).stdout;
  } catch (cause) {
    const { stderr, code } = cause as { stderr?: string; code?: unknown };
    const words = code === "ENOENT" ? "is not installed" : (stderr?.trim() ?? String(cause));
    throw new Fault("MISSING_PART", `${command} ${args.join(" ")}: ${words}`, {}, { cause });
  }
}
