import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DhcpServer } from "../model/dhcp.ts";
import { confOf, leasesThatHold } from "./dnsmasq-words.ts";
import {
  type CablePlugs,
  dropDevice,
  ensureAddress,
  ensureCable,
  INSIDE,
  isNetns,
  netnsName,
  replaceFile,
  tool,
} from "./net-cable.ts";

/** dnsmasq ends within a millisecond of a SIGTERM; a loaded host takes longer. */
const END_MAX_MS = 5_000;
const LOOK_EVERY_MS = 5;

/**
 * DHCP servers, each a dnsmasq in a network namespace of its own with a cable to its net. They run on when this process ends, as guests
 * do, and the next one finds them: each has a folder with what it was told, its leases and its process id. Every verb may be repeated.
 */
export class DhcpServers {
  readonly #dir: string;
  readonly #plugs: CablePlugs;

  /** `dir`: a folder of this VIM alone. */
  constructor(dir: string, plugs: CablePlugs) {
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
    const own = this.#netnsOf(server.key);
    await ensureCable(own, server, this.#plugs);
    await ensureAddress(own, INSIDE, `${server.ip}/${server.prefix}`);
    if (await this.isRunning(server)) return;
    // The old one ends before the new words are written: whoever runs was told what stands there.
    await this.#end(server.key);
    const leases = await readFile(files.leases, "utf8").catch(() => "");
    await replaceFile(files.leases, leasesThatHold(leases, server.reservations));
    await replaceFile(files.conf, confOf(server, files));
    await tool("ip", "netns", "exec", own, "dnsmasq", `--conf-file=${files.conf}`);
  }

  /** Its process, its cable and its leases. `device`: the cable's end. */
  async remove(key: string, device: string): Promise<void> {
    const { dir } = this.#filesOf(key);
    if (!existsSync(dir)) return;
    await this.#plugs.removePort(device);
    const netns = this.#netnsOf(key);
    if (isNetns(netns)) {
      await this.#end(key);
      await dropDevice(netns, INSIDE); // Both ends now: what a namespace takes along when it ends goes some time later.
      await tool("ip", "netns", "del", netns);
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

  #netnsOf(key: string): string {
    return netnsName("dhcp", this.#dir, key);
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
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {} // It has ended meanwhile.
}
