import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { Occurrence } from "../model/occurrence.ts";
import type { SnapshotRecord, VnfcSnapshot } from "../model/vnf-snapshot.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { deleteSnapshot, readSnapshots, upsertSnapshot } from "../store/mano-snapshots.ts";
import type { OpenVimDirect } from "../vimconn/openvim-direct.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";

/** Between two tries to take an image from a VIM that does not answer, or that keeps it. */
const AGAIN_MS = 5_000;
const NOTHING_TO_DO_MS = 3_600_000;

export interface SnapshotsParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly owners: Owners;
  /** The VIM of an account, asked by hand; whoever asks disposes of it. */
  direct(id: VimAccountId): OpenVimDirect;
  deployments(): readonly Deployment[];
  /** Asked for and not at their end. */
  running(): readonly Occurrence[];
}

/**
 * Snapshots of VNFs, and what they are put into. One that is deleted is shown to nobody from then on; its images leave their VIMs as soon as those
 * answer, also after a restart.
 */
export class Snapshots {
  readonly #parts: SnapshotsParts;
  readonly #records = new Map<string, SnapshotRecord>();
  /** Those that are being written anew. */
  readonly #held = new Set<string>();
  /** Why each that is going is still there, as it was logged last. */
  readonly #why = new Map<string, string>();
  readonly #loop: Loop;

  constructor(parts: SnapshotsParts) {
    this.#parts = parts;
    this.#loop = new Loop(
      parts.clock,
      () => this.#sweep(),
      (err) => parts.log.error({ err }, "snapshots that were deleted could not be looked at"),
    );
  }

  async load(): Promise<void> {
    for (const record of await readSnapshots(this.#parts.db)) this.#records.set(record.id, record);
  }

  /** Takes images of what was deleted from their VIMs. */
  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(() => (this.#going.length > 0 ? AGAIN_MS : NOTHING_TO_DO_MS), signal);
  }

  get all(): readonly SnapshotRecord[] {
    return [...this.#records.values()].filter((r) => !r.isGoing);
  }

  find(id: string): SnapshotRecord | undefined {
    const found = this.#records.get(id);
    return found?.isGoing ? undefined : found;
  }

  /** Throws NOT_FOUND. */
  get(id: string): SnapshotRecord {
    const found = this.find(id);
    if (found) return found;
    throw new Fault("NOT_FOUND", `there is no VNF snapshot ${id}`, { id });
  }

  /** An empty one, not written yet. */
  empty(): SnapshotRecord {
    const now = this.#now();
    return { id: randomUUID(), content: null, isGoing: false, createdAt: now, modifiedAt: now };
  }

  async create(owner: string | null): Promise<SnapshotRecord> {
    const record = this.empty();
    await this.#parts.db.transaction().execute(async (tx) => {
      await this.#parts.owners.give(record.id, owner, tx);
      await upsertSnapshot(tx, record);
    });
    this.note(record);
    return record;
  }

  /** The same with other content; it counts when it is written and noted. */
  with(record: SnapshotRecord, content: SnapshotRecord["content"]): SnapshotRecord {
    return { ...record, content, modifiedAt: this.#now() };
  }

  /** It is on the disk. */
  note(record: SnapshotRecord): void {
    this.#records.set(record.id, record);
  }

  /** Writes what was looked at a moment ago: until that is done nobody else begins anything with it. */
  async holding<T>(id: string, write: () => Promise<T>): Promise<T> {
    this.#held.add(id);
    try {
      return await write();
    } finally {
      this.#held.delete(id);
    }
  }

  /** Throws CONFLICT while it is held. */
  checkFree(id: string): void {
    if (this.#held.has(id)) throw new Fault("CONFLICT", `VNF snapshot ${id}: another request is at it; ask again`, { id });
  }

  /** Writes it by itself. */
  async put(record: SnapshotRecord): Promise<SnapshotRecord> {
    await upsertSnapshot(this.#parts.db, record);
    this.note(record);
    return record;
  }

  /** As it is when it is deleted. Throws NOT_FOUND, and CONFLICT while an operation is at it or a VNFC runs on it. */
  deleted(id: string): SnapshotRecord {
    const record = this.get(id);
    this.checkFree(id);
    const at = this.#parts.running().find((o) => o.vnfs.some((p) => p.snapshotId === id));
    if (at)
      throw new Fault("CONFLICT", `VNF snapshot ${id}: ${nameOf(at)} ${at.id} is ${at.state} and needs it; wait for its end`, {
        id,
      });
    for (const d of this.#parts.deployments()) {
      const on = d.vnfcs.find((v) => v.madeFrom?.snapshotId === id);
      if (on)
        throw new Fault(
          "CONFLICT",
          `VNF snapshot ${id}: ${on.serverName} was reverted to it and is made from its image; terminate its VNF, or revert that to another one`,
          { id },
        );
    }
    return { ...record, isGoing: true };
  }

  /** Throws as `deleted`. What it leaves in VIMs follows. */
  async delete(id: string): Promise<void> {
    const gone = this.deleted(id);
    await this.holding(id, () => this.put(gone));
    this.wake();
  }

  /** Something may be to be taken away. */
  wake(): void {
    this.#loop.wakeNow();
  }

  /** Takes the images of these from their VIM; why it is not done, or null. VIM_UNREACHABLE passes through. */
  async drop(vim: VimAccountId, vnfcs: readonly VnfcSnapshot[]): Promise<string | null> {
    using direct = this.#parts.direct(vim);
    for (const { imageId, name } of vnfcs) {
      if (imageId === null) continue;
      try {
        await direct.dropImage(imageId);
      } catch (e) {
        if (!(e instanceof Fault) || e.code !== "VIM_REFUSED") throw e;
        return `the image of ${name}: ${e.detail}`;
      }
    }
    return null;
  }

  get #going(): readonly SnapshotRecord[] {
    return [...this.#records.values()].filter((r) => r.isGoing);
  }

  async #sweep(): Promise<void> {
    for (const record of this.#going) if (await this.#isBare(record)) await this.#forget(record);
  }

  async #isBare(record: SnapshotRecord): Promise<boolean> {
    const byVim = Map.groupBy(record.content?.vnfcs ?? [], (v) => v.vimAccountId);
    let isBare = true;
    for (const [vim, vnfcs] of byVim) {
      const why = await this.drop(vim, vnfcs).catch((e: unknown) => (e instanceof Error ? e.message : String(e)));
      if (why !== null && this.#why.get(record.id) !== why)
        this.#parts.log.warn({ snapshot: record.id, why }, "a snapshot that was deleted leaves an image; it is tried again");
      if (why !== null) this.#why.set(record.id, why);
      isBare &&= why === null;
    }
    return isBare;
  }

  async #forget({ id }: SnapshotRecord): Promise<void> {
    await deleteSnapshot(this.#parts.db, id);
    this.#records.delete(id);
    this.#why.delete(id);
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }
}

const nameOf = (o: Occurrence): string => o.vnfs[0]?.operation ?? o.operation;
