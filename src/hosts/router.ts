import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
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
import { cableOf, isJoined, LAN, lanOf, rulesOf, wayDevice } from "./router-words.ts";

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
   * Brings it about that it leads as it is described. One that was told otherwise is made anew: what passes through it breaks off. Throws
   * MISSING_PART with the words of the tool where this machine cannot, and what the switch's database refuses.
   */
  async ensure(router: Router): Promise<void> {
    const own = this.#netnsOf(router.key);
    await mkdir(join(this.#dir, router.key), { recursive: true });
    if (isNetns(own) && !(await this.isRunning(router))) {
      // From this side: what a namespace takes along when it ends goes some time later.
      for (const device of [router.device, ...router.ways.map((w) => w.device)]) await dropDevice(router.netns, device);
      await tool("ip", "netns", "del", own);
    }
    await ensureNetns(own);
    await toolWith(rulesOf(router), "ip", "netns", "exec", own, "nft", "-f", "-"); // First: nothing passes that they do not name.
    await tool("ip", "netns", "exec", own, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1");
    await ensureCable(own, router, this.#plugs);
    for (const [i, way] of router.ways.entries()) await this.#open(own, router.netns, way, i);
    await this.#address(own, router);
    await replaceFile(this.#toldTo(router.key), wordsOf(router));
  }

  /** It and its cables. `device`: the end in the net. */
  async remove(key: string, device: string): Promise<void> {
    const dir = join(this.#dir, key);
    if (!existsSync(dir)) return;
    await this.#plugs.removePort(device);
    const own = this.#netnsOf(key);
    if (isNetns(own)) await tool("ip", "netns", "del", own); // The cables go with it.
    await rm(dir, { recursive: true, force: true }); // Last: it is what a crash leaves to be found.
  }

  #netnsOf(key: string): string {
    return netnsName("router", this.#dir, key);
  }

  #toldTo(key: string): string {
    return join(this.#dir, key, "told");
  }

  async #open(own: string, netns: string | null, way: RouterWay, index: number): Promise<void> {
    const [cable, device] = [cableOf(index), wayDevice(way, index)];
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
      const joined = ways.flatMap((way, i) => (way.address === null ? [wayDevice(way, i)] : []));
      for (const device of [INSIDE, ...joined]) await plugIntoBridge(own, device, LAN);
      await tool("ip", "-n", own, "link", "set", "dev", LAN, "address", router.mac, "up");
    }
    await ensureAddress(own, lanOf(router), inside && `${inside.ip}/${inside.prefix}`);
    for (const [to, hop] of Object.entries(routes)) await tool("ip", "-n", own, "route", "replace", to, "via", hop);
  }
}

/** Two that are the same text do the same. */
const wordsOf = (router: Router): string => `${JSON.stringify(router)}\n`;
