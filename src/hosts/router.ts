import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import type { Router, RouterWay } from "../model/router.ts";
import {
  type CablePlugs,
  dropDevice,
  ensureAddress,
  ensureCable,
  ensureNetns,
  ensureVeth,
  hasDevice,
  INSIDE,
  isNetns,
  netnsName,
  plugIntoBridge,
  replaceFile,
  tool,
  toolWith,
} from "./net-cable.ts";
import { cableOf, canChange, isJoined, isSameWay, LAN, lanOf, rulesOf, wayDevice } from "./router-words.ts";

/**
 * Routers of nets, each a network namespace of its own with a cable to its net and one to each bridge that it leads to: the kernel's
 * forwarding and nftables, no process. They stay when this process ends, and the next one finds them: each has a folder with what it
 * was told, written when it is done. Every verb may be repeated.
 */
export class Routers {
  readonly #dir: string;
  readonly #plugs: CablePlugs;

  /** `dir`: a folder of this VIM alone. */
  constructor(dir: string, plugs: CablePlugs) {
    this.#dir = dir;
    this.#plugs = plugs;
  }

  /** Of all routers that were made here and not removed. */
  async keys(): Promise<string[]> {
    return existsSync(this.#dir) ? await readdir(this.#dir) : [];
  }

  /** Whether it was made as it is described. */
  async isRunning(router: Router): Promise<boolean> {
    const told = await readFile(this.#toldTo(router.key), "utf8").catch(() => null);
    return told === wordsOf(router) && isNetns(this.#netnsOf(router.key));
  }

  /**
   * Brings it about that it leads as it is described. Of one that was told otherwise that is changed which is another: what passes by its other ways passes on. Where it
   * is another cable, or another Ethernet, it is made anew, and what passes breaks off. Throws MISSING_PART with the words of the tool where this machine cannot, and
   * what the switch's database refuses.
   */
  async ensure(router: Router): Promise<void> {
    const own = this.#netnsOf(router.key);
    await mkdir(join(this.#dir, router.key), { recursive: true });
    const kept = (await this.isRunning(router)) ? router : await this.#takeBack(own, router);
    await ensureNetns(own);
    await toolWith(rulesOf(router), "ip", "netns", "exec", own, "nft", "-f", "-"); // First: nothing passes that they do not name.
    await tool("ip", "netns", "exec", own, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    await ensureCable(own, router, this.#plugs);
    const { opened, why } = await this.#openAll(own, router);
    const there = why === null ? router : { ...router, ways: opened, routes: {} }; // The others need not wait for it, nor break off.
    await this.#address(own, there);
    await replaceFile(this.#toldTo(router.key), wordsOf(why === null ? router : { ...there, routes: kept?.routes ?? {} }));
    if (why !== null) throw why;
  }

  /** It and its cables. `device`: the end in the net. */
  async remove(key: string, device: string): Promise<void> {
    const dir = join(this.#dir, key);
    if (!existsSync(dir)) return;
    await this.#plugs.removePort(device);
    const told = await this.#told(key);
    // From this side: what a namespace takes along when it ends goes some time later, and leads on until then.
    for (const way of told?.ways ?? []) await dropDevice(told!.netns, way.device);
    const own = this.#netnsOf(key);
    if (isNetns(own)) await tool("ip", "netns", "del", own);
    await rm(dir, { recursive: true, force: true }); // Last: it is what a crash leaves to be found.
  }

  #netnsOf(key: string): string {
    return netnsName("router", this.#dir, key);
  }

  #toldTo(key: string): string {
    return join(this.#dir, key, "told");
  }

  /** What it was told; null: nobody knows, as when it was being told when its VIM was killed. */
  async #told(key: string): Promise<Router | null> {
    const told = await readFile(this.#toldTo(key), "utf8").catch(() => "");
    try {
      return JSON.parse(told) as Router;
    } catch {
      return null;
    }
  }

  /** Takes away what it is not to have any more. Gives what it was told, of which the rest is there; null: nothing is. */
  async #takeBack(own: string, router: Router): Promise<Router | null> {
    const had = await this.#told(router.key);
    await rm(this.#toldTo(router.key), { force: true }); // Whoever finds it half changed makes it anew.
    if (!isNetns(own)) return null;
    if (had === null || !canChange(had, router)) {
      // From this side: what a namespace takes along when it ends goes some time later.
      for (const device of [router.device, ...[...(had?.ways ?? []), ...router.ways].map((w) => w.device)])
        await dropDevice(router.netns, device);
      await tool("ip", "netns", "del", own);
      return null;
    }
    for (const way of had.ways) if (!router.ways.some((w) => isSameWay(w, way))) await dropDevice(had.netns, way.device);
    for (const to of Object.keys(had.routes))
      if (router.routes[to] === undefined) await tool("ip", "-n", own, "route", "del", to).catch(() => {}); // It may have gone with its way.
    return had;
  }

  /** `why`: what the first that cannot be opened lacks; nothing is left of it. */
  async #openAll(own: string, { netns, ways }: Router): Promise<{ readonly opened: RouterWay[]; readonly why: Fault | null }> {
    const opened: RouterWay[] = [];
    let why: Fault | null = null;
    for (const way of ways) {
      try {
        await this.#open(own, netns, way);
        opened.push(way);
      } catch (e) {
        if (!(e instanceof Fault)) throw e;
        await dropDevice(netns, way.device);
        why ??= e;
      }
    }
    return { opened, why };
  }

  async #open(own: string, netns: string | null, way: RouterWay): Promise<void> {
    const [cable, device] = [cableOf(way), wayDevice(way)];
    await ensureVeth(own, cable, netns, way.device);
    await tool("ip", "-n", own, "link", "set", "dev", cable, "address", way.mac, "up");
    if (way.vlan !== null && !(await hasDevice(own, device)))
      await tool("ip", "-n", own, "link", "add", "link", cable, "name", device, "type", "vlan", "id", String(way.vlan));
    await tool("ip", "-n", own, "link", "set", "dev", device, "up");
    if (way.address !== null) await ensureAddress(own, device, way.address);
    await plugIntoBridge(netns, way.device, way.iface);
  }

  async #address(own: string, router: Router): Promise<void> {
    const { inside, routes, ways } = router;
    if (isJoined(router)) {
      if (!(await hasDevice(own, LAN)))
        await tool("ip", "-n", own, "link", "add", "name", LAN, "type", "bridge", "forward_delay", "0");
      const joined = ways.flatMap((way) => (way.address === null ? [wayDevice(way)] : []));
      for (const device of [INSIDE, ...joined]) await plugIntoBridge(own, device, LAN);
      await tool("ip", "-n", own, "link", "set", "dev", LAN, "address", router.mac, "up");
    }
    await ensureAddress(own, lanOf(router), inside && `${inside.ip}/${inside.prefix}`);
    for (const [to, hop] of Object.entries(routes)) await tool("ip", "-n", own, "route", "replace", to, "via", hop);
  }
}

/** Two that are the same text do the same. */
const wordsOf = (router: Router): string => `${JSON.stringify(router)}\n`;
