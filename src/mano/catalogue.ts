import { randomUUID } from "node:crypto";
import { type Given, readAside } from "../descriptor/aside.ts";
import type { Outcome } from "../descriptor/compile.ts";
import type { ExternalFile } from "../descriptor/content.ts";
import { flawText } from "../descriptor/flaw.ts";
import type { Form, Reading } from "../descriptor/read.ts";
import type { PackedFile } from "../descriptor/zip.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Nsd, Vnfd } from "../model/descriptor.ts";
import type { DescriptorPackage } from "../model/package.ts";
import {
  type DescriptorName,
  type DescriptorRecord,
  readBlueprintsOf,
  readDescriptorNames,
  readDescriptors,
  readDescriptorsOf,
} from "../store/mano-catalogue.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { someOf } from "./some-of.ts";

/** What a reading came to beside what is on board: nothing is written yet. */
export interface Merged {
  /** All of the file, the VNFDs first; each NSD with the VNFDs that it uses. */
  readonly records: readonly DescriptorRecord[];
  /** Those of them that are new. */
  readonly added: readonly DescriptorRecord[];
  /** Ids of VNFDs that the file did not bring as such: each was made for one NSD. */
  readonly made: ReadonlySet<string>;
  /** Of the id of each NSD: those of the VNFDs that it refers to. */
  readonly uses: ReadonlyMap<string, readonly string[]>;
}

/** Who is to have which id: the first NSD, or the first VNFD where there is none. */
export type FirstId = string | null;

/** Which of what is on board is there for who brings a file. */
type Seeing = (id: string) => boolean;
const everything: Seeing = () => true;

/** The descriptors, of whichever form they were. Immutable: a descriptor with the id and version of one that is there must be that one. */
export class Catalogue {
  readonly #db: ManoStore;
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: ManoStore, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** One after the other: between looking at what is on board and writing, nobody else writes. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {}); // Its failure is its caller's.
    return mine;
  }

  all(): Promise<DescriptorRecord[]> {
    return readDescriptors(this.#db);
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<DescriptorRecord> {
    const [found] = await readDescriptorsOf(this.#db, [id]);
    if (found) return found;
    const all = await readDescriptorNames(this.#db);
    const there = someOf(all.map((r) => `${r.id} (${r.kind} ${r.ref} ${r.version})`));
    throw new Fault("NOT_FOUND", `there is no descriptor ${id}; there are: ${there}`, { id });
  }

  /**
   * Reads a descriptor file or a package with what is on board and `sees` lets it refer to, and what was fetched of it by URL. Throws DESCRIPTOR with every
   * error of it.
   */
  async read(
    given: Given,
    outside: readonly ExternalFile[] = [],
    sees: Seeing = everything,
  ): Promise<{ readonly outcome: Outcome; readonly reading: Reading; readonly files: readonly PackedFile[] }> {
    const names = (await readDescriptorNames(this.#db)).filter((n) => sees(n.id));
    const text = typeof given !== "string" && !isPackage(given) ? Buffer.from(given).toString("utf8") : null;
    const mentioned = await readBlueprintsOf(this.#db, mentionedIn(text, names));
    // Of several versions the one that came last is first.
    const known = { blueprints: mentioned.reverse(), names: names.flatMap((n) => (n.kind === "vnfd" ? n.ref : [])) };
    const { reading, files } = await readAside(given, "descriptor", known, outside);
    const { outcome, flaws } = reading;
    if (outcome === null) throw new Fault("DESCRIPTOR", flaws.map(flawText).join("\n"), { errors: flaws.length });
    return { outcome, reading, files };
  }

  /**
   * To be asked in turn, and written in it. `source`: the SHA-256 of the file. Throws CONFLICT where a version is there with another content or is another
   * tenant's, or a VNFD has gone meanwhile.
   */
  async merge(
    outcome: Outcome,
    form: Form,
    first: FirstId,
    { source = null, sees = everything }: { readonly source?: string | null; readonly sees?: Seeing } = {},
  ): Promise<Merged> {
    const { vnfds: vnfdBodies, nsds: nsdBodies } = outcome.descriptor;
    const names = await readDescriptorNames(this.#db);
    const refs = new Set([...vnfdBodies, ...nsdBodies].map((d) => d.id));
    const there = await readDescriptorsOf(
      this.#db,
      names.filter((n) => refs.has(n.ref)).map((n) => n.id),
    );
    const sources = await this.#sourcesOf(there);
    const added: DescriptorRecord[] = [];
    const recordOf = (kind: "vnfd" | "nsd", body: Nsd | Vnfd, vnfdRecordId: string | null, id: FirstId): DescriptorRecord => {
      const had = there.find((r) => r.kind === kind && r.body.id === body.id && r.body.version === body.version);
      if (had && !sees(had.id)) throw taken(had);
      if (had) return same(had, body, [null, source].includes(sources.get(had.id) ?? null));
      const createdAt = this.#clock.wall().toISOString();
      const record = { id: id ?? randomUUID(), kind, body, vnfdRecordId, createdAt };
      added.push(record);
      return record;
    };
    const firstVnfd = nsdBodies.length > 0 ? null : first;
    const vnfds = vnfdBodies.map((v, i) => recordOf("vnfd", v, null, i === 0 ? firstVnfd : null));
    const vnfdOf = (n: Nsd) => vnfds.find((v) => v.body.id === n.vnfd)!.id;
    const nsds = nsdBodies.map((n, i) => recordOf("nsd", n, vnfdOf(n), i === 0 ? first : null));
    const isMade = (v: DescriptorRecord) => form !== "plain" && (v.body as Vnfd).blueprint === undefined;
    const made = new Set(vnfds.filter(isMade).map((v) => v.id));
    const usedBy = (n: DescriptorRecord) =>
      ((n.body as Nsd).vnfds ?? [(n.body as Nsd).vnfd]).map((ref) =>
        idOfVnfd(
          ref,
          vnfds,
          names.filter((n) => sees(n.id)),
        ),
      );
    return { records: [...vnfds, ...nsds], added, made, uses: new Map(nsds.map((n) => [n.id, usedBy(n)])) };
  }

  /** SHA-256 of the files that they came in, where that is known; a VNFD that was made for an NSD came with that. */
  async #sourcesOf(records: readonly DescriptorRecord[]): Promise<ReadonlyMap<string, string | null>> {
    const sources = new Map<string, string | null>();
    for (const { id } of records) sources.set(id, (await readPackage(this.#db, id))?.upload?.sha256 ?? null);
    for (const { id, vnfdRecordId: made } of records) if (made && !sources.get(made)) sources.set(made, sources.get(id)!);
    return sources;
  }
}

/** Of the file, else the one that came last. */
function idOfVnfd(ref: string, ofFile: readonly DescriptorRecord[], names: readonly DescriptorName[]): string {
  const found = ofFile.find((v) => v.body.id === ref) ?? names.findLast((n) => n.kind === "vnfd" && n.ref === ref);
  if (found) return found.id;
  throw new Fault("CONFLICT", `the VNFD ${ref} has been deleted meanwhile; on-board it again, then this`);
}

const isPackage = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

/** Which of them a file may mean: bodies are large, and few are needed. Any of them, where it is packed or writes letters as escapes. */
function mentionedIn(text: string | null, names: readonly DescriptorName[]): string[] {
  const isPlainText = text !== null && !text.includes("\\");
  const isMentioned = (n: DescriptorName) => !isPlainText || text.includes(n.ref) || text.includes(n.name);
  return names.filter((n) => n.kind === "vnfd" && isMentioned(n)).map((n) => n.id);
}

/** What follows from the rest of a file; a store of before it has it nowhere. */
const WORKED_OUT = [
  "compute",
  "ownNets",
  "software",
  "images",
  "imageId",
  "scaling",
  "nsScaling",
  "flavour",
  "others",
  "links",
  "netAddresses",
  "written",
  "packageChanges",
];

/** Ids and versions are the store's, and not a tenant's: what they name must be one thing for all. */
const taken = ({ kind, body }: DescriptorRecord): Fault =>
  new Fault("CONFLICT", `${kind} ${body.id} version ${body.version} is another tenant's; give yours another id or version`);

/** `isOfFile`: it may have come in this very file, so that what it has nowhere was not known then. */
function same(had: DescriptorRecord, body: Nsd | Vnfd, isOfFile: boolean): DescriptorRecord {
  const text = JSON.stringify(had.body);
  const unknown = isOfFile ? WORKED_OUT.filter((key) => !text.includes(`"${key}":`)) : [];
  if (JSON.stringify(body, (key, value) => (unknown.includes(key) ? undefined : value)) === text) return had;
  throw new Fault(
    "CONFLICT",
    `${had.kind} ${body.id} version ${body.version} is there with another content; give the changed one a new version`,
    { id: had.id },
  );
}

/** Throws CONFLICT where this version is on board; of another tenant's nothing more is said. */
export function refuseSecondPnfd(
  { id, version }: { readonly id: string; readonly version: string },
  there: readonly DescriptorPackage[],
  sees: Seeing,
): void {
  const had = there.find((p) => p.content?.descriptorId === id && p.content.version === version);
  if (!had) return;
  const what = sees(had.id) ? `on board as ${had.id}; delete that first` : "another tenant's; give yours another id or version";
  throw new Fault("CONFLICT", `pnfd ${id} version ${version} is ${what}`);
}
