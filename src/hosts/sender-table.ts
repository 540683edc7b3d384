import { createHash } from "node:crypto";
import type { HeldTap } from "../model/held-tap.ts";
import { tool, toolWith } from "./net-cable.ts";
import { senderTable } from "./sender-rules.ts";

/** What was seen so lately is not looked for again, whatever many servers start at once, ms. */
const FRESH_MS = 1_000;

/**
 * What guests on the Linux bridges of one host may send, held by the kernel (nftables, family bridge): a table of this VIM's own for this host, which stays when this process
 * ends. Rules name taps, so they stand before a tap is there, and it is never without them.
 */
export class SenderTable {
  readonly #name: string;
  readonly #netns: string | null;
  /** What is there, and when that was seen, ms; null: nobody knows. */
  #text: string | null = null;
  #seenMs = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** `owner`: of this VIM and host alone. `netns`: where the bridges are; null is this process's own. */
  constructor(owner: string, netns: string | null) {
    this.#name = `sempre-${createHash("sha256").update(owner).digest("hex").slice(0, 16)}`;
    this.#netns = netns;
  }

  /**
   * Brings it about that these are held, and nobody else. Looks whether somebody took the table away (`nft flush ruleset`). Throws MISSING_PART with nft's words
   * where this machine cannot.
   */
  hold(taps: readonly HeldTap[]): Promise<void> {
    const done = this.#last.then(() => this.#hold(taps));
    this.#last = done.catch(() => {});
    return done;
  }

  async #hold(taps: readonly HeldTap[]): Promise<void> {
    const text = senderTable(this.#name, taps);
    const isFresh = taps.length === 0 || performance.now() - this.#seenMs < FRESH_MS;
    if (text === this.#text && (isFresh || (await this.#isThere()))) return;
    this.#text = null;
    await toolWith(text, ...this.#nft("-f", "-")).catch((e: unknown) => {
      if (taps.length > 0) throw e; // Who holds nobody need not be able to.
    });
    this.#text = text;
    this.#seenMs = performance.now();
  }

  async #isThere(): Promise<boolean> {
    const tables = await tool(...this.#nft("list", "tables", "bridge"));
    this.#seenMs = performance.now();
    return tables.split("\n").includes(`table bridge ${this.#name}`);
  }

  #nft(...args: string[]): [string, ...string[]] {
    return this.#netns === null ? ["nft", ...args] : ["ip", "netns", "exec", this.#netns, "nft", ...args];
  }
}

/** Why this machine's kernel holds nobody; null: it can. Tried, in a namespace that ends with it. */
export function whyNoSenderTables(): Promise<string | null> {
  const empty = { advertised: [], barred: [], allowed: [{ ethSrc: "02:00:00:00:00:01" }] };
  return toolWith(senderTable("sempre-try", [{ tap: "try", ...empty }]), "unshare", "--net", "nft", "-f", "-").then(
    () => null,
    (e: unknown) => (e instanceof Error ? e.message : String(e)),
  );
}
