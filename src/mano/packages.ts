import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Given, readPnfdAside } from "../descriptor/aside.ts";
import { TEXT_BYTES_MAX } from "../descriptor/content.ts";
import { flawText } from "../descriptor/flaw.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type {
  ArtifactAccess,
  DescriptorPackage,
  OperationalState,
  Origin,
  PackageChange,
  PackageKind,
  PackageView,
  Upload,
} from "../model/package.ts";
import { type DescriptorRecord, insertDescriptors } from "../store/mano-catalogue.ts";
import { deletePackage, readPackage, readPackages, readPackagesAsked, readUsesOf, savePackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { PackageFiles, Received } from "../store/package-files.ts";
import { type Catalogue, refuseSecondPnfd } from "./catalogue.ts";
import type { UsesOfDescriptors } from "./descriptor-uses.ts";
import { fileIdsOf, NotFetched, readWhole } from "./external-artifacts.ts";
import type { Outbox } from "./outbox.ts";
import type { Owners } from "./owners.ts";
import {
  checkNew,
  contentOf,
  deleteDescriptorsOf,
  eventOf,
  failureOf,
  mergePatched,
  onBoard,
  pnfdContentOf,
} from "./package-content.ts";

export interface PackagesParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly outbox: Outbox;
  readonly catalogue: Catalogue;
  readonly owners: Owners;
  readonly files: PackageFiles;
  /** What comes from where; it ends with an Error that says why. */
  readonly download: (origin: Origin, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** What NSs and VNFs are made of. */
  readonly inUse: () => UsesOfDescriptors;
}

const WORDS: Readonly<Record<PackageKind, { readonly what: string; readonly list: string }>> = {
  nsd: { what: "NSD", list: "/nsd/v2/ns_descriptors" },
  vnf: { what: "VNF package", list: "/vnfpkgm/v2/vnf_packages" },
  pnfd: { what: "PNFD", list: "/nsd/v2/pnf_descriptors" },
};
const BEING_TAKEN_IN = "its content is being taken in; wait until it is ONBOARDED or ERROR";

/** What is done to one package now; the signal ends what can be ended. */
interface Work {
  readonly end: AbortController;
  done: Promise<unknown>;
}

/** Takes packages in and lets them go: states, contents and descriptors together. */
export class Packages implements AsyncDisposable {
  readonly #parts: PackagesParts;
  readonly #work = new Map<string, Work>();

  constructor(parts: PackagesParts) {
    this.#parts = parts;
  }

  /** At the start of the daemon: what was acknowledged is finished, what was not is as if it had not been asked for. */
  async start(): Promise<void> {
    const { db, files } = this.#parts;
    const kept = new Set((await readPackages(db)).flatMap(fileIdsOf));
    await files.sweep((id) => kept.has(id));
    for (const one of await readPackages(db)) {
      if (this.#work.has(one.id)) continue; // Clients are served already.
      if (one.onboarding === "PROCESSING") void this.#begin(one.id, (signal) => this.#process(one, signal));
      else if (one.onboarding === "UPLOADING" && one.origin)
        void this.#begin(one.id, (signal) => this.#downloaded(one, one.origin!, signal));
      else if (one.onboarding === "UPLOADING") await this.#save({ ...one, onboarding: "CREATED" });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { end } of this.#work.values()) end.abort(new Fault("STOPPED", "the daemon ends"));
    await Promise.allSettled([...this.#work.values()].map((w) => w.done));
  }

  /** The oldest first, as many as are asked for; fewer: there are no more. */
  async list(kind: PackageKind, asked: Parameters<typeof readPackagesAsked>[2]): Promise<PackageView[]> {
    return this.#viewed(await readPackagesAsked(this.#parts.db, kind, asked));
  }

  /** Throws NOT_FOUND. */
  async get(kind: PackageKind, id: string): Promise<PackageView> {
    const found = await this.#found(kind, id);
    return (await this.#viewed([found]))[0]!;
  }

  async create(kind: PackageKind, userDefinedData: Record<string, unknown>, owner: string | null): Promise<PackageView> {
    const at = this.#now();
    const one: DescriptorPackage = {
      id: randomUUID(),
      kind,
      onboarding: "CREATED",
      operational: "DISABLED",
      userDefinedData,
      failure: null,
      upload: null,
      origin: null,
      content: null,
      uses: [],
      createdAt: at,
      modifiedAt: at,
    };
    await this.#parts.owners.give(one.id, owner);
    await savePackage(this.#parts.db, one);
    return { ...one, isInUse: false };
  }

  /** Throws NOT_FOUND; CONFLICT where it is in that state already, or is not on board. */
  modify(
    kind: PackageKind,
    id: string,
    { operational, userDefinedData }: { operational?: OperationalState; userDefinedData?: Record<string, unknown> },
  ): Promise<PackageView> {
    return this.#parts.catalogue.inTurn(async () => {
      const one = await this.#found(kind, id);
      if (this.#work.has(id)) throw new Fault("CONFLICT", BEING_TAKEN_IN); // What takes it in would write over it.
      if (operational !== undefined && one.onboarding !== "ONBOARDED")
        throw new Fault("CONFLICT", `it is ${one.onboarding}; only what is ONBOARDED is enabled and disabled`);
      if (operational === one.operational) throw new Fault("CONFLICT", `it is ${operational} already`);
      const data = userDefinedData === undefined ? one.userDefinedData : mergePatched(one.userDefinedData, userDefinedData);
      const next = { ...one, operational: operational ?? one.operational, userDefinedData: data };
      const changed = await this.#save(next, operational === undefined ? null : "operational");
      return (await this.#viewed([changed]))[0]!;
    });
  }

  /** Throws NOT_FOUND; CONFLICT while it is enabled (`isForced`: also then it goes), used, or taken in. */
  remove(kind: PackageKind, id: string, isForced = false): Promise<void> {
    return this.#parts.catalogue.inTurn(async () => {
      const one = await this.get(kind, id);
      await this.#checkFree(one, isForced);
      const untold = await this.#parts.db.transaction().execute(async (tx) => {
        await deletePackage(tx, id);
        await deleteDescriptorsOf(tx, one);
        return this.#parts.outbox.put(tx, [eventOf(one, "deleted")]);
      });
      this.#parts.outbox.tell(untold);
      for (const file of [id, ...fileIdsOf(one)]) await this.#parts.files.remove(file);
    });
  }

  /**
   * How artifacts that its manifest names by URL are to be fetched: kept for when they are (SOL005 9.4.8), or, where that failed, tried again with it at once: then
   * true. Throws NOT_FOUND; CONFLICT where it is neither CREATED nor in ERROR.
   */
  async giveAccess(kind: PackageKind, id: string, access: readonly ArtifactAccess[]): Promise<boolean> {
    const one = await this.#open(kind, id);
    if (one.upload === null) {
      await this.#save({ ...one, access });
      return false;
    }
    const begun = Promise.withResolvers<void>();
    const outcome = this.#begin(id, async (signal) => {
      const processing = await this.#save({ ...one, access, onboarding: "PROCESSING", failure: null });
      begun.resolve();
      await this.#process(processing, signal);
    });
    outcome.catch(begun.reject);
    await begun.promise;
    return true;
  }

  /** As `remove`, also while it is enabled. A VNFD that was made for an NSD goes with that only. */
  async removeDescriptor({ id, kind }: Pick<DescriptorRecord, "id" | "kind">): Promise<void> {
    if (!(await readPackage(this.#parts.db, id))) throw new Fault("CONFLICT", "it was made for an NSD, and goes when that goes");
    return this.remove(kind === "nsd" ? "nsd" : "vnf", id, true);
  }

  /**
   * Takes in the content of one that was announced. Resolves when it is sure to be taken in or refused: whole, and on the disk. The answer is a promise of
   * what came of it, which throws what is wrong. Throws CONFLICT where it has a content already, and what ends the stream.
   */
  async receive(kind: PackageKind, id: string, chunks: AsyncIterable<Uint8Array>): Promise<{ readonly outcome: Promise<void> }> {
    const one = await this.#open(kind, id);
    const came = Promise.withResolvers<Received>();
    const outcome = this.#begin(id, async (signal) => {
      const uploading = await this.#save({ ...one, onboarding: "UPLOADING", failure: null, origin: null, upload: null });
      const received = await this.#parts.files.receive(id, chunks).catch(async (e: unknown) => {
        await this.#save({ ...one, onboarding: one.onboarding });
        came.reject(e);
        throw e;
      });
      const processing = await this.#kept(uploading, received);
      came.resolve(received);
      await this.#process(processing, signal);
    });
    await Promise.race([came.promise, outcome]);
    return { outcome };
  }

  /** Downloads the content of one that was announced; resolves when it is sure to be tried, also after a restart. */
  async fetch(kind: PackageKind, id: string, origin: Origin): Promise<void> {
    const one = await this.#open(kind, id);
    const begun = Promise.withResolvers<void>();
    const outcome = this.#begin(id, async (signal) => {
      const uploading = await this.#save({ ...one, onboarding: "UPLOADING", failure: null, origin, upload: null });
      begun.resolve();
      await this.#downloaded(uploading, origin, signal);
    });
    outcome.catch(begun.reject);
    await begun.promise;
  }

  /** Takes in a file of any form at once: all of it or nothing; the same file twice gives the same records. Throws DESCRIPTOR, CONFLICT. */
  async onboard(file: Uint8Array, owner: string | null): Promise<readonly DescriptorRecord[]> {
    const received = await this.#parts.files.receive(randomUUID(), Readable.from([file]));
    try {
      const keep = async (ids: readonly string[]) => {
        const [first, ...others] = ids;
        if (first === undefined) return;
        await this.#parts.files.keep(received, first);
        for (const id of others) await this.#parts.files.share(first, id);
      };
      return await this.#take(file, received, { preset: null, owner }, keep, null);
    } finally {
      await this.#parts.files.discard(received);
    }
  }

  async #open(kind: PackageKind, id: string): Promise<DescriptorPackage> {
    const one = await this.#found(kind, id);
    const isOpen = one.onboarding === "CREATED" || one.onboarding === "ERROR";
    if (isOpen && !this.#work.has(id)) return one;
    throw new Fault(
      "CONFLICT",
      `it is ${this.#work.has(id) ? "being taken in" : one.onboarding}; a content is sent to one that is CREATED or ERROR`,
    );
  }

  async #downloaded(one: DescriptorPackage, origin: Origin, signal: AbortSignal): Promise<void> {
    const { files, download } = this.#parts;
    let received: Received;
    try {
      received = await files.receive(one.id, download(origin, signal));
    } catch (e) {
      if (!signal.aborted) await this.#failed(one, e); // Else the next run begins it anew.
      return;
    }
    await this.#process(await this.#kept(one, received), signal).catch(() => {}); // Its state says why.
  }

  async #kept(one: DescriptorPackage, received: Received): Promise<DescriptorPackage> {
    await this.#parts.files.keep(received, one.id);
    const { type, bytes, sha256 } = received;
    return this.#save({ ...one, onboarding: "PROCESSING", origin: null, upload: { type, bytes, sha256 } });
  }

  /** Looks through a content that is whole. Throws what is wrong, when its state says so too. */
  async #process(one: DescriptorPackage, signal: AbortSignal): Promise<void> {
    const { files } = this.#parts;
    const path = files.pathOf(one.id);
    try {
      if (one.kind === "pnfd") {
        await this.#takePnfd(path, one);
        return;
      }
      const { type, bytes } = one.upload!;
      const given = type === "text/plain" && bytes <= TEXT_BYTES_MAX ? await readFile(path) : path;
      const share = async (ids: readonly string[]) => {
        for (const id of ids) if (id !== one.id) await files.share(one.id, id);
      };
      await this.#take(given, one.upload!, { preset: one, owner: this.#parts.owners.of(one.id) }, share, signal);
    } catch (e) {
      if (signal.aborted && !(e instanceof Fault && e.code === "DESCRIPTOR")) throw e; // The next run begins it anew.
      const isKept = e instanceof NotFetched;
      if (!isKept) await files.remove(one.id);
      await this.#failed(isKept ? one : { ...one, upload: null }, isKept ? e.cause : e);
      throw e;
    }
  }

  /** Nothing is compiled of a PNFD: it is kept, and found by what it says of itself. */
  async #takePnfd(path: string, one: DescriptorPackage): Promise<void> {
    const { catalogue, db, owners } = this.#parts;
    const { reading, files } = await readPnfdAside(path, "descriptor");
    const { pnfd, flaws } = reading;
    if (pnfd === null) throw new Fault("DESCRIPTOR", flaws.map(flawText).join("\n"), { errors: flaws.length });
    await catalogue.inTurn(async () => {
      refuseSecondPnfd(pnfd, await readPackages(db, "pnfd"), owners.usableBy(owners.of(one.id)));
      const content = pnfdContentOf(reading, one.upload!, files);
      await this.#save({ ...one, onboarding: "ONBOARDED", operational: "DISABLED", content }, "onboarded");
    });
  }

  async #take(
    given: Given,
    upload: Upload,
    { preset, owner }: { readonly preset: DescriptorPackage | null; readonly owner: string | null },
    putFiles: (ids: readonly string[]) => Promise<void>,
    signal: AbortSignal | null,
  ): Promise<readonly DescriptorRecord[]> {
    const { catalogue, db, owners, outbox } = this.#parts;
    const sees = owners.usableBy(owner);
    const { outcome, reading, files, outside } = await readWhole(given, preset, { ...this.#parts, sees }, signal);
    return catalogue.inTurn(async () => {
      const merged = await catalogue.merge(outcome, reading.form, preset?.id ?? null, { source: upload.sha256, sees });
      if (preset) checkNew(merged, preset.id);
      const at = this.#now();
      const packages = merged.added
        .filter((r) => !merged.made.has(r.id))
        .map((r) => {
          const announced = r.id === preset?.id ? preset : null;
          const content = contentOf(r.body, upload, reading, files, announced ? outside : []);
          return onBoard({ record: r, announced, upload, content, uses: merged.uses.get(r.id) ?? [], at });
        });
      await putFiles(packages.map((p) => p.id));
      const untold = await db.transaction().execute(async (tx) => {
        for (const { id } of merged.added) await owners.give(id, owner, tx);
        await insertDescriptors(tx, merged.added);
        for (const one of packages) await savePackage(tx, one);
        return outbox.put(
          tx,
          packages.map((one) => eventOf(one, "onboarded")),
        );
      });
      outbox.tell(untold);
      return merged.records;
    });
  }

  async #failed(one: DescriptorPackage, e: unknown): Promise<void> {
    if (!(e instanceof Fault)) this.#parts.log.error({ err: e, id: one.id }, "a package could not be taken in");
    await this.#save({ ...one, onboarding: "ERROR", origin: null, failure: failureOf(e) }, "failed");
  }

  async #checkFree(one: PackageView, isForced: boolean): Promise<void> {
    if (this.#work.has(one.id)) throw new Fault("CONFLICT", BEING_TAKEN_IN);
    if (one.isInUse) throw new Fault("CONFLICT", "there are NSs made of it, or VNFs; delete those first");
    if (one.operational === "ENABLED" && !isForced) throw new Fault("CONFLICT", "it is ENABLED; disable it first (PATCH)");
    const nsds = (await readPackages(this.#parts.db, "nsd")).filter((n) => n.uses.includes(one.id));
    if (nsds.length === 0) return;
    const named = nsds.map((n) => `${n.id} (${n.content?.descriptorId})`).join(", ");
    throw new Fault("CONFLICT", `it is used by ${nsds.length} other(s), NSD ${named}; delete those first`, { id: one.id });
  }

  #begin(id: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const end = new AbortController();
    const entry: Work = { end, done: Promise.resolve() };
    this.#work.set(id, entry);
    const done = work(end.signal).finally(() => this.#work.delete(id));
    entry.done = done;
    done.catch(() => {}); // Told by the state of the package, and to who waits for it.
    return done;
  }

  async #found(kind: PackageKind, id: string): Promise<DescriptorPackage> {
    const found = await readPackage(this.#parts.db, id);
    if (found?.kind === kind) return found;
    throw this.notFound(kind, id);
  }

  notFound(kind: PackageKind, id: string): Fault {
    const { what, list } = WORDS[kind];
    return new Fault("NOT_FOUND", `there is no ${what} ${id}; GET ${list} lists those there are`, { id });
  }

  async #viewed(all: readonly DescriptorPackage[]): Promise<PackageView[]> {
    const { nsds, vnfds, nsdsToBe } = this.#parts.inUse();
    const toBe = all.some((p) => p.kind === "vnf") ? await readUsesOf(this.#parts.db, [...nsdsToBe]) : new Set<string>();
    return all.map((p) => ({ ...p, isInUse: nsds.has(p.id) || vnfds.has(p.id) || toBe.has(p.id) }));
  }

  /** `told`: what is heard of it. */
  async #save(one: DescriptorPackage, told: PackageChange["change"] | null = null): Promise<DescriptorPackage> {
    const { db, outbox } = this.#parts;
    const saved = { ...one, modifiedAt: this.#now() };
    const untold = await db.transaction().execute(async (tx) => {
      await savePackage(tx, saved);
      return outbox.put(tx, told === null ? [] : [eventOf(saved, told)]);
    });
    outbox.tell(untold);
    return saved;
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }
}
