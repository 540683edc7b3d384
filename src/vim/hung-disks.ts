import type { Log } from "../lib/log.ts";
import type { DiskFailure, Evidence } from "../model/evidence.ts";
import type { HostId, ServerId, VimPortId } from "../model/ids.ts";
import type { VimEvents } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { Picture } from "./picture.ts";

/** Looks whether a server waits for a disk; takes seconds. */
export type DiskLook = (of: ServerId) => Promise<Pick<DiskFailure, "storage" | "why"> | null>;

export interface HungDisksParts {
  readonly picture: Picture;
  readonly facts: Facts;
  readonly events: VimEvents;
  readonly log: Log;
  /** Undefined: nobody sees the processes of that host. */
  lookOf(host: HostId): DiskLook | undefined;
  isSilent(port: VimPortId): boolean;
}

/**
 * Finds out whether a server that fell silent waits for a disk that does not answer, and tells the silence once more then, with the storage that it comes
 * from (decision 0128). Nothing that is done for the silence waits for that.
 */
export class HungDisks {
  readonly #parts: HungDisksParts;
  readonly #looking = new Set<ServerId>();

  constructor(parts: HungDisksParts) {
    this.#parts = parts;
    parts.events.subscribe((e) => {
      if (e.type === "evidence" && e.evidence.says === "silent" && e.evidence.storage === undefined) this.#begin(e.evidence);
    });
  }

  #begin(silence: Evidence): void {
    const { picture, lookOf, log } = this.#parts;
    const { about } = silence;
    if (about.kind !== "port") return;
    const server = picture.servers.get(picture.ports.get(about.id)?.serverId ?? ("" as ServerId));
    const look = server && lookOf(server.hostId);
    if (look === undefined || this.#looking.has(server!.id)) return;
    const { id } = server!;
    this.#looking.add(id);
    look(id)
      .then((found) => found && this.#found({ id, ...found, seenAt: this.#parts.events.now() }, silence, about.id))
      .catch((err: unknown) => log.warn({ err, server: id }, "whether a silent server waits for a disk could not be found out"))
      .finally(() => this.#looking.delete(id));
  }

  #found(failure: DiskFailure, silence: Evidence, port: VimPortId): void {
    const { facts, log, isSilent } = this.#parts;
    if (!isSilent(port)) return; // It answers again, or has begun a new life.
    log.warn({ ...failure }, "a silent server waits for a disk that does not answer");
    facts.diskFailed(failure);
    facts.portEvidence(silence);
  }
}
