import { ipv6Text, isIpv6 } from "../lib/ipv6.ts";
import type { Place } from "../model/blueprint.ts";
import { quote } from "./flaw.ts";
import type { Key, Source } from "./source.ts";

/** How many VNFs, VDUs, connection points or members one list may hold. */
export const LIST_MAX = 64;
const TEXT_MAX = 255;

type Raw = Record<string, unknown>;

/** As it was written. What is no text, number or truth value is told as JSON: an object may have a `toString` of its own, which is no function. */
export const asWritten = (value: unknown): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);

/**
 * One place of a source, while it is read. Each reading method gives a value of its type whatever stands there, and says what is wrong with it
 * where that is another: so all mistakes of a file are told at once. `undefined` and null are "it is not there".
 */
export class Spot {
  readonly source: Source;
  readonly path: readonly Key[];
  readonly value: unknown;

  constructor(source: Source, path: readonly Key[], value: unknown) {
    this.source = source;
    this.path = path;
    this.value = value;
  }

  static root(source: Source): Spot {
    return new Spot(source, [], source.value);
  }

  get isThere(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  /** What stands there, for a sentence. */
  get said(): string {
    return shown(this.value);
  }

  /** What stands there, where it can be a name. */
  get asName(): string | null {
    return typeof this.value === "string" || typeof this.value === "number" ? String(this.value) : null;
  }

  get at(): Place {
    return this.source.place(this.path);
  }

  /** Without the name of a module that JSON of YANG puts before: `etsi-nfv-descriptors:nfv`. */
  get(key: string): Spot {
    const raw = this.#object();
    const name = key in raw ? key : (Object.keys(raw).find((k) => k.endsWith(`:${key}`)) ?? key);
    return new Spot(this.source, [...this.path, name], Object.hasOwn(raw, name) ? raw[name] : undefined);
  }

  /** The first of these that is there. */
  first(...keys: readonly string[]): Spot {
    return keys.map((k) => this.get(k)).find((s) => s.isThere) ?? this.get(keys[0]!);
  }

  keys(): string[] {
    return Object.keys(this.#object());
  }

  /** Refuses what is neither there nor an object. */
  object(what: string): this {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value)) this.#wanted(`an object: ${what}`);
    return this;
  }

  /** A list; one that is left out has nothing in it. A single thing is a list of one, as YANG's and OSM's writers have it. */
  items(what: string, min = 0): Spot[] {
    const list = this.value === undefined || this.value === null ? [] : Array.isArray(this.value) ? this.value : [this.value];
    if (list.length < min) this.#wanted(`a list: ${what}`);
    if (list.length > LIST_MAX) this.refuse(`has ${list.length} entries`, `write at most ${LIST_MAX}`);
    const path = (i: number) => (Array.isArray(this.value) ? [...this.path, i] : this.path);
    return list.slice(0, LIST_MAX).map((v, i) => new Spot(this.source, path(i), v));
  }

  /** A map of names, as TOSCA and OpenMANO have them. */
  entries(what: string): [string, Spot][] {
    if (!this.isThere) return [];
    this.object(what);
    const keys = this.keys();
    if (keys.length > LIST_MAX) this.refuse(`has ${keys.length} entries`, `write at most ${LIST_MAX}`);
    const raw = this.#object();
    return keys.slice(0, LIST_MAX).map((k) => [k, new Spot(this.source, [...this.path, k], raw[k])]);
  }

  text(what: string): string {
    if (typeof this.value === "string" && this.value.trim() !== "" && this.value.length <= TEXT_MAX) return this.value;
    if (typeof this.value === "number" && Number.isFinite(this.value)) return String(this.value);
    this.#wanted(what);
    return "";
  }

  /** A longer text. */
  words(what: string, chars = 4096): string {
    if (typeof this.value === "string" && this.value.length <= chars) return this.value;
    this.#wanted(`${what}, at most ${chars} characters`);
    return "";
  }

  textOr<T>(otherwise: T, what: string): string | T {
    return this.isThere ? this.text(what) : otherwise;
  }

  /** A name that becomes one of a server or a VNFC: letters, digits, ".", "_" and "-". */
  name(what: string, chars = 40): string {
    const text = this.text(what);
    if (text === "" || (text.length <= chars && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text))) return text;
    this.#wanted(`${what}: letters, digits, ".", "_" and "-", at most ${chars}`);
    return "";
  }

  whole(min: number, max: number, what: string): number | null {
    if (!this.isThere) return null;
    const n = typeof this.value === "string" && /^\d+$/.test(this.value) ? Number(this.value) : this.value;
    if (typeof n === "number" && Number.isInteger(n) && n >= min && n <= max) return n;
    this.#wanted(`${what}, ${min}..${max}`);
    return null;
  }

  flag(what: string): boolean | null {
    if (!this.isThere) return null;
    if (this.value === true || this.value === "true") return true;
    if (this.value === false || this.value === "false") return false;
    this.#wanted(`true or false: ${what}`);
    return null;
  }

  /** One of some words, in whichever way of writing compounds: `ActiveActive`, `ACTIVE_ACTIVE`, `active-active`, `module:active-active`. */
  word<T extends string>(words: Readonly<Record<string, T>>, what: string): T | null {
    if (!this.isThere) return null;
    const plain = (s: string) => s.replace(/^.*:/, "").replaceAll(/[-_ ]/g, "").toLowerCase();
    const found =
      typeof this.value === "string" ? Object.keys(words).find((w) => plain(w) === plain(this.value as string)) : undefined;
    if (found !== undefined) return words[found]!;
    this.#wanted(`${what}: ${Object.keys(words).join(" or ")}`);
    return null;
  }

  ipv4(what: string): string | null {
    if (!this.isThere) return null;
    const text = asWritten(this.value);
    const isOne = /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split(".").every((n) => Number(n) <= 255);
    if (isOne) return text;
    this.#wanted(`an IPv4 address such as 10.0.0.100: ${what}`);
    return null;
  }

  /** Of either kind; one of IPv6 as RFC 5952 has it. */
  ip(what: string): string | null {
    const text = this.asName ?? "";
    if (isIpv6(text)) return ipv6Text(text);
    if (text.includes(":")) this.#wanted(`an IPv6 address such as fd00:0:0:1::100: ${what}`);
    return text.includes(":") ? null : this.ipv4(what);
  }

  refuse(what: string, remedy: string): void {
    this.source.refuse(this.path, what, remedy);
  }

  refuseKey(key: string, what: string, remedy: string): void {
    this.source.refuse([...this.path, key], what, remedy, true);
  }

  /** Tells a key that is nearly one of these: a misspelt one must not silently mean the default. */
  misspelt(known: readonly string[]): void {
    for (const key of this.keys()) {
      if (known.includes(key)) continue;
      const meant = known.find((k) => distance(key.replaceAll("_", "-"), k) <= 2);
      if (meant) this.refuseKey(key, "there is no such key", `write ${meant}, or remove it`);
    }
  }

  /** Tells every key that is none of these. */
  only(known: readonly string[]): void {
    for (const key of this.keys())
      if (!known.includes(key)) this.refuseKey(key, "there is no such key", `write one of ${known.join(", ")}`);
  }

  #wanted(what: string): void {
    if (!this.isThere) this.refuse("is missing", `write ${what}`);
    else this.refuse(`${shown(this.value)} is not possible here`, `write ${what}`);
  }

  #object(): Raw {
    return typeof this.value === "object" && this.value !== null && !Array.isArray(this.value) ? (this.value as Raw) : {};
  }
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? quote(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Levenshtein's, of words that differ little in length. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2 || a.length > 40) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}
