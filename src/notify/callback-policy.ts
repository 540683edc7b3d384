import { type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import { BlockList, isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { Fault } from "../lib/fault.ts";
import { isLoopback } from "../lib/loopback.ts";
import type { Callback } from "../model/subscription.ts";

/** Where a subscriber may have us send requests to. Whoever can subscribe must not reach through us what it cannot reach itself. */
export interface CallbackRules {
  /** Ranges in CIDR notation. Some: only there, whatever stands below. None: everywhere but where no receiver ever is. */
  readonly allow: readonly string[];
  /** This machine too, by loopback and by its own addresses: right where only this machine's programs can subscribe. */
  readonly thisMachine: boolean;
  /** Ports of this machine that are our own: never, for there we may be believed without a token. */
  readonly ownPorts: () => readonly number[];
  /** Passwords and tokens may go over http to other machines. */
  readonly secretsInClear: boolean;
}

/** No receiver is there, or it is the metadata service of a cloud: "this network", link-local, multicast, reserved, NAT64. */
const NOWHERE = ["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/128", "fe80::/10", "ff00::/8", "64:ff9b::/96"];

/** Throws RangeError for what is no range such as `10.0.0.0/8`, `fd00::/8` or one address. */
export function rangesOf(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits, more] = cidr.split("/");
    const longest = isIP(address) === 6 ? 128 : 32;
    const prefix = bits === undefined ? longest : Number(bits);
    if (isIP(address) === 0 || more !== undefined || bits === "" || !Number.isInteger(prefix) || prefix < 0 || prefix > longest)
      throw new RangeError(`${cidr} is no range of addresses such as 10.0.0.0/8`);
    list.addSubnet(address, prefix, familyOf(address));
  }
  return list;
}

/** `::ffff:a00:1` leads to 10.0.0.1, and counts as that. */
function unmapped(address: string): string {
  const [, high, low] = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/i.exec(address) ?? [];
  if (high === undefined || low === undefined) return address.replace(/^::ffff:(?=\d+\.)/i, "");
  return [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255]).join(".");
}

const familyOf = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4");
const holds = (list: BlockList, address: string): boolean => list.check(address, familyOf(address));

type LookupDone = (e: Error | null, address: string | LookupAddress[], family?: number) => void;

/** The rules, applied to a URL when somebody subscribes and to each address when we connect: a name may resolve otherwise by then. */
export class CallbackPolicy {
  readonly #rules: CallbackRules;
  readonly #allowed: BlockList | null;
  readonly #nowhere = rangesOf(NOWHERE);

  constructor(rules: CallbackRules) {
    this.#rules = rules;
    this.#allowed = rules.allow.length === 0 ? null : rangesOf(rules.allow);
  }

  /** Throws INVALID with what is wrong with where it goes. A name is resolved when it is used. */
  check({ url, auth, tls }: Callback): void {
    this.#checkUrl("callback", url, auth !== null);
    if (auth?.type === "OAUTH2_CLIENT_CREDENTIALS") this.#checkUrl("token_endpoint", auth.tokenEndpoint, true);
    if (tls !== null && new URL(url).protocol === "http:")
      throw new Fault("INVALID", `callback: ${shown(url)} is http, where certificates mean nothing; want https`);
  }

  /** Why we do not connect there; null: we do. */
  whyNot(reached: string, port: number): string | null {
    const address = unmapped(reached);
    const isOurs = isLoopback(address) || ownAddresses().has(address);
    if (isOurs && this.#rules.ownPorts().includes(port)) return `${address} port ${port} is this daemon itself`;
    if (this.#allowed !== null)
      return holds(this.#allowed, address) ? null : `${address} is in none of the ranges that callbacks may go to`;
    if (holds(this.#nowhere, address)) return `${address} is link-local, multicast or reserved: no receiver is there`;
    if (isOurs && !this.#rules.thisMachine)
      return `${address} is this machine itself, which callbacks from other machines may not reach`;
    return null;
  }

  /** Throws Error with the reason where the host of a URL is an address that we do not connect to: such a host is never looked up. */
  checkAddress(url: URL): void {
    const host = hostOf(url);
    const why = isIP(host) === 0 ? null : this.whyNot(host, portOf(url));
    if (why !== null) throw new Error(why);
  }

  /** In place of `dns.lookup` for one URL: only addresses that we may connect to. */
  lookupFor(url: URL) {
    return (hostname: string, options: LookupOptions, done: LookupDone): void => {
      systemLookup(hostname, { ...options, all: true }, (e, found) => {
        if (e) return done(e, []);
        const may = found.filter(({ address }) => this.whyNot(address, portOf(url)) === null);
        const first = may[0];
        if (!first)
          return done(new Error(`${hostname}: ${this.whyNot(found[0]?.address ?? "", portOf(url)) ?? "no address"}`), []);
        return options.all ? done(null, may) : done(null, first.address, first.family);
      });
    };
  }

  #checkUrl(what: string, text: string, isSecret: boolean): void {
    const url = parsed(what, text);
    if (isSecret && url.protocol === "http:" && !this.#rules.secretsInClear && !this.#isThisMachine(url))
      throw new Fault("INVALID", `${what}: ${shown(text)} is http, and a password or token would be read on its way; want https`);
    try {
      this.checkAddress(url);
    } catch (e) {
      throw new Fault("INVALID", `${what}: ${(e as Error).message}`, {}, { cause: e });
    }
  }

  #isThisMachine(url: URL): boolean {
    const host = hostOf(url);
    return isLoopback(host) || (isIP(host) !== 0 && ownAddresses().has(host));
  }
}

function parsed(what: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new Fault("INVALID", `${what}: want an http or https URL, got ${JSON.stringify(shown(text))}`);
  if (url.username !== "" || url.password !== "")
    throw new Fault("INVALID", `${what}: a name and password in the URL are seen by everybody; put them into the authentication`);
  if (url.hash !== "") throw new Fault("INVALID", `${what}: '${url.hash}' is for browsers and is never sent; leave it out`);
  return url;
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, "$1");
const portOf = (url: URL): number => Number(url.port) || (url.protocol === "https:" ? 443 : 80);
/** Without what may be secret: names, passwords, and the query. */
const shown = (text: string): string =>
  text
    .slice(0, 200)
    .replace(/\/\/[^/@]*@/, "//")
    .replace(/[?#].*$/, "");

const ownAddresses = (): ReadonlySet<string> =>
  new Set(Object.values(networkInterfaces()).flatMap((all) => all?.map((a) => a.address) ?? []));
