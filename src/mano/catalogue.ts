import { randomUUID } from "node:crypto";
import { readAside } from "../descriptor/aside.ts";
import { flawText } from "../descriptor/flaw.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, Vnfd } from "../model/descriptor.ts";
import {
  countUsesOfDescriptor,
  type DescriptorName,
  type DescriptorRecord,
  deleteDescriptor,
  insertDescriptors,
  readDescriptorNames,
  readDescriptors,
  readDescriptorsOf,
} from "../store/mano-catalogue.ts";
import type { ManoStore } from "../store/mano-schema.ts";

/** The descriptors, of whichever form they were. Immutable: a descriptor with the id and version of one that is there must be that one. */
export class Catalogue {
  readonly #db: ManoStore;
  readonly #clock: Clock;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(db: ManoStore, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * Takes a descriptor file or a package in, all of it or nothing. The same file twice gives the same records. Throws DESCRIPTOR with
   * every error of the file, CONFLICT when a version is there with another content.
   */
  onboard(file: string | Uint8Array): Promise<readonly DescriptorRecord[]> {
    const mine = this.#turn.then(() => this.#onboard(file));
    this.#turn = mine.catch(() => {}); // Its failure is its caller's.
    return mine;
  }

  all(): Promise<DescriptorRecord[]> {
    return readDescriptors(this.#db);
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<DescriptorRecord> {
    const all = await this.all();
    const found = all.find((r) => r.id === id);
    if (found) return found;
    const there = all.map((r) => `${r.id} (${r.kind} ${r.body.id} ${r.body.version})`).join(", ") || "none";
    throw new Fault("NOT_FOUND", `there is no descriptor ${id}; there are: ${there}`, { id });
  }

  /** Throws NOT_FOUND, or CONFLICT while something stands on it. */
  async remove(id: string): Promise<void> {
    await this.get(id);
    const uses = await countUsesOfDescriptor(this.#db, id);
    if (uses > 0) throw new Fault("CONFLICT", `descriptor ${id} is used by ${uses} other(s); delete those first`, { id });
    await deleteDescriptor(this.#db, id);
  }

  async #onboard(file: string | Uint8Array): Promise<readonly DescriptorRecord[]> {
    const bytes = typeof file === "string" ? Buffer.from(file) : file;
    const names = await readDescriptorNames(this.#db);
    const mentioned = await readDescriptorsOf(this.#db, mentionedIn(file, names));
    const known = { blueprints: blueprintsIn(mentioned), names: names.flatMap((n) => (n.kind === "vnfd" ? n.ref : [])) };
    const { outcome, flaws } = await readAside(bytes, "descriptor", known);
    if (outcome === null) throw new Fault("DESCRIPTOR", flaws.map(flawText).join("\n"), { errors: flaws.length });
    const refs = new Set([...outcome.descriptor.vnfds, ...outcome.descriptor.nsds].map((d) => d.id));
    const there = await readDescriptorsOf(
      this.#db,
      names.filter((n) => refs.has(n.ref)).map((n) => n.id),
    );
    const added: DescriptorRecord[] = [];
    const recordOf = (kind: "vnfd" | "nsd", body: Nsd | Vnfd, vnfdRecordId: string | null): DescriptorRecord => {
      const had = there.find((r) => r.kind === kind && r.body.id === body.id && r.body.version === body.version);
      if (had) return same(had, body);
      const record = { id: randomUUID(), kind, body, vnfdRecordId, createdAt: this.#clock.wall().toISOString() };
      added.push(record);
      return record;
    };
    const vnfds = outcome.descriptor.vnfds.map((v) => recordOf("vnfd", v, null));
    const nsds = outcome.descriptor.nsds.map((n) => recordOf("nsd", n, vnfds.find((v) => v.body.id === n.vnfd)!.id));
    await insertDescriptors(this.#db, added);
    return [...vnfds, ...nsds];
  }
}

/** Which of them a file may mean: bodies are large, and few are needed. Any of them, where it is packed or writes letters as escapes. */
function mentionedIn(file: string | Uint8Array, names: readonly DescriptorName[]): string[] {
  const isPlainText = typeof file === "string" && !file.includes("\\");
  const isMentioned = (n: DescriptorName) => !isPlainText || file.includes(n.ref) || file.includes(n.name);
  return names.filter((n) => n.kind === "vnfd" && isMentioned(n)).map((n) => n.id);
}

/** Of VNFDs that an NSD may refer to: of several versions the one that came last is first. */
const blueprintsIn = (records: readonly DescriptorRecord[]): VnfBlueprint[] =>
  records.flatMap(({ body }) => ("blueprint" in body && body.blueprint ? [body.blueprint] : [])).reverse();

function same(had: DescriptorRecord, body: Nsd | Vnfd): DescriptorRecord {
  if (JSON.stringify(had.body) === JSON.stringify(body)) return had;
  throw new Fault(
    "CONFLICT",
    `${had.kind} ${body.id} version ${body.version} is there with another content; give the changed one a new version`,
    { id: had.id },
  );
}
