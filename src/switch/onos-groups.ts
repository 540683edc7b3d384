import { groupIn, groupOf } from "./onos-words.ts";
import { objectIn, objectsIn } from "./read-json.ts";
import type { ControllerHttp } from "./rest-http.ts";
import type { RestEntry, RestGroup, Word } from "./rest-words.ts";

/** A group as it stands in the switch, and what it stands for. */
interface Copy {
  /** Its number in the switch. */
  readonly no: number;
  /** The number that it is known by to everybody else. */
  readonly of: number;
  /** Later copies of the same take the place of earlier ones. */
  readonly nth: number;
  /** In the numbers of the switch. */
  readonly group: RestGroup;
}

/** "SMPR": the marks of a copy stand in the key that ONOS knows a group by. */
const MARK = "534d5052";
const COOKIE = /^0x534d5052([0-9a-f]{8})([0-9a-f]{8})$/i;
const cookieOf = ({ of, nth }: Pick<Copy, "of" | "nth">): string => `0x${MARK}${hex8(of)}${hex8(nth)}`;
const hex8 = (n: number): string => n.toString(16).padStart(8, "0");

/** Numbers in the switch, within the half that ONOS takes for positive. */
const FIRST_NO = 0x40000000;
const LAST_NO = 0x7fffffff;

/**
 * ONOS's REST cannot turn a group: buckets are added and taken away, one request each, and a packet in between meets a group that nobody asked
 * for. So a group that is to do something else is copied: the new copy is made, what leads to the old one is led to it, and then the old one goes.
 * To the outside a group has one number all the time.
 */
export class OnosGroups {
  readonly #http: ControllerHttp;
  readonly #device: string;
  #copies: Copy[] = [];
  /** Numbers of the switch that are not ours. */
  #taken = new Set<number>();

  constructor(http: ControllerHttp, device: string) {
    this.#http = http;
    this.#device = device;
  }

  async read(): Promise<void> {
    const { body } = await this.#http.ask("GET", this.#path, [200]);
    const copies: Copy[] = [];
    const taken = new Set<number>();
    for (const row of objectsIn(objectIn(body)["groups"])) {
      const no = numberIn(row["givenGroupId"] ?? row["id"]);
      taken.add(no);
      const [, of, nth] = COOKIE.exec(String(row["appCookie"])) ?? [];
      if (of !== undefined)
        copies.push({ no, of: Number.parseInt(of, 16), nth: Number.parseInt(nth!, 16), group: groupIn(row, no) });
    }
    this.#copies = copies;
    this.#taken = taken;
  }

  /** In the numbers of the switch. */
  said(words: readonly Word[]): Word[] {
    return words.map((w) => ("group" in w ? { group: this.#current(w.group)?.no ?? w.group } : w));
  }

  /** In the numbers of everybody else; null where it leads to a copy that another has taken the place of. */
  meant(words: readonly Word[] | null): Word[] | null {
    if (words === null) return null;
    const meant = words.map((w) => {
      if (!("group" in w)) return w;
      const copy = this.#copies.find((c) => c.no === w.group);
      return copy === undefined || copy !== this.#current(copy.of) ? null : { group: copy.of };
    });
    return meant.includes(null) ? null : (meant as Word[]);
  }

  /** A group is not finished as long as anything leads to an earlier copy of it, or will lead to this one only when it is ADDED. */
  standing(rules: readonly (RestEntry & { readonly isAdded: boolean })[]): Map<number, RestGroup> {
    const unsettled = new Set(rules.filter((r) => !r.isAdded).flatMap((r) => groupsIn(r.words)));
    const groups = new Map<number, RestGroup>();
    for (const copy of this.#copies) {
      if (copy !== this.#current(copy.of)) continue;
      const older = this.#copies.filter((c) => c.of === copy.of && c !== copy).map((c) => c.no);
      const isSettled = !unsettled.has(copy.no) && !older.some((no) => this.#isLedTo(no, rules));
      groups.set(copy.of, { ...copy.group, id: copy.of, buckets: isSettled ? this.#meantBuckets(copy) : null });
    }
    return groups;
  }

  /** Gives the numbers in the switch that something has taken the place of, and by what. */
  async put(group: RestGroup): Promise<Map<number, number>> {
    const replaced = new Map<number, number>();
    await this.#copy(group.id, group.type, group.buckets?.map((b) => ({ ...b, words: this.said(b.words) })) ?? [], replaced);
    return replaced;
  }

  async delete(id: number): Promise<void> {
    for (const copy of this.#copies.filter((c) => c.of === id)) await this.#remove(copy);
  }

  async clearUp(rules: readonly RestEntry[]): Promise<void> {
    const old = this.#copies.filter((c) => c !== this.#current(c.of));
    for (const copy of old.sort((a, b) => a.nth - b.nth)) if (!this.#isLedTo(copy.no, rules)) await this.#remove(copy);
  }

  async #copy(of: number, type: RestGroup["type"], buckets: NonNullable<RestGroup["buckets"]>, replaced: Map<number, number>) {
    const was = this.#current(of);
    const no = this.#freeNo();
    const copy: Copy = { no, of, nth: (was?.nth ?? 0) + 1, group: { id: no, type, buckets } };
    await this.#http.ask("POST", this.#path, [201], groupOf(copy.group, cookieOf(copy)));
    this.#copies.push(copy);
    this.#taken.add(no);
    if (was === undefined) return;
    replaced.set(was.no, no);
    // A group that leads to the old copy is one that has to do something else, too.
    const led = this.#copies.filter((c) => c === this.#current(c.of) && groupsOfBuckets(c.group).includes(was.no));
    for (const { of: above, group } of led) {
      const turned = group.buckets!.map((b) => ({ ...b, words: b.words.map((w) => (isTo(w, was.no) ? { group: no } : w)) }));
      await this.#copy(above, group.type, turned, replaced);
    }
  }

  async #remove(copy: Copy): Promise<void> {
    await this.#http.ask("DELETE", `${this.#path}/${cookieOf(copy)}`, [204, 404]);
    this.#copies = this.#copies.filter((c) => c !== copy);
  }

  #current(of: number): Copy | undefined {
    return this.#copies
      .filter((c) => c.of === of)
      .reduce<Copy | undefined>((a, b) => (a === undefined || b.nth > a.nth ? b : a), undefined);
  }

  #meantBuckets({ group }: Copy): RestGroup["buckets"] {
    const buckets = group.buckets?.map((b) => ({ ...b, words: this.meant(b.words) })) ?? null;
    return buckets?.every((b) => b.words !== null) ? (buckets as RestGroup["buckets"]) : null;
  }

  /** By a rule, or by a group that is not itself an old copy that nothing leads to. */
  #isLedTo(no: number, rules: readonly RestEntry[]): boolean {
    if (rules.some((r) => groupsIn(r.words).includes(no))) return true;
    return this.#copies.some(
      (c) => groupsOfBuckets(c.group).includes(no) && (c === this.#current(c.of) || this.#isLedTo(c.no, rules)),
    );
  }

  #freeNo(): number {
    for (let no = FIRST_NO; no <= LAST_NO; no++) if (!this.#taken.has(no)) return no;
    throw new Error("no number is left for a group");
  }

  get #path(): string {
    return `/onos/v1/groups/${this.#device}`;
  }
}

const isTo = (w: Word, no: number): boolean => "group" in w && w.group === no;
const groupsIn = (words: readonly Word[] | null): number[] => (words ?? []).flatMap((w) => ("group" in w ? [w.group] : []));
const groupsOfBuckets = (group: RestGroup): number[] => (group.buckets ?? []).flatMap((b) => groupsIn(b.words));

/** `5`, `0x5`, and of older ones `DefaultGroupId{id=5}`. */
const numberIn = (id: unknown): number => Number(/(0x[0-9a-f]+|-?\d+)\}?$/i.exec(String(id))?.[1] ?? Number.NaN) >>> 0;
