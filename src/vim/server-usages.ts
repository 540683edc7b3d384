import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { nameUuid } from "../lib/name-uuid.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { ServerUsage } from "../model/server-usage.ts";
import type { Server } from "../model/vim-picture.ts";
import type { Picture } from "./picture.ts";

/** Who asks again sooner is told what was read before: however many ask, a host is asked so often at most. */
const READ_EVERY_MS = 200;
/** A host that takes longer is left out: what whoever asks gets of the others must not come late (the MANO waits 500 ms where it measures each second). */
const ANSWER_MS = 300;
const MIB_PER_GIB = 1_024;

/** What a host has counted of one of these servers; see `hosts/domain-usage.ts`. */
export interface Counted {
  readonly uuid: string;
  readonly run: number | null;
  readonly cpuMs: number | null;
  readonly residentMiB: number | null;
}

/** Asks a host about servers; one that it does not have is not in the answer. */
export type ReadUsage = (of: readonly ServerId[]) => Promise<readonly Counted[]>;

export interface ServerUsagesParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined: of what is on that host nobody can tell. */
  readerOf(host: HostId): ReadUsage | undefined;
}

/** The last reading of a host, whole or on its way. */
interface Reading {
  readonly atMs: number;
  readonly counted: Promise<ReadonlyMap<string, Counted> | null>;
  /** It has not come within its time: nobody waits for it, or asks again before it is over. */
  isLate: boolean;
}

/** What servers have taken of their hosts, for whoever asks: one request to each host, and nobody who acts waits for it. Nothing is read unasked. */
export class ServerUsages {
  readonly #parts: ServerUsagesParts;
  readonly #readings = new Map<HostId, Reading>();

  constructor(parts: ServerUsagesParts) {
    this.#parts = parts;
  }

  /** Of every server whose host tells it in time, those that do not run too. */
  async list(): Promise<readonly ServerUsage[]> {
    const byHost = Map.groupBy(this.#parts.picture.servers.values(), (s) => s.hostId);
    for (const host of this.#readings.keys()) if (!byHost.has(host)) this.#readings.delete(host);
    return (await Promise.all([...byHost].map(([host, servers]) => this.#of(host, servers)))).flat();
  }

  async #of(host: HostId, servers: readonly Server[]): Promise<ServerUsage[]> {
    const reading = this.#reading(host, servers);
    const counted = reading === null || reading.isLate ? null : await this.#inTime(host, reading);
    if (reading === null || counted === null) return [];
    return servers.map((server) => usageOf(server, counted.get(server.id), reading.atMs));
  }

  #reading(host: HostId, servers: readonly Server[]): Reading | null {
    const { clock, log, readerOf } = this.#parts;
    const had = this.#readings.get(host);
    const atMs = clock.now();
    if (had !== undefined && (had.isLate || atMs - had.atMs < READ_EVERY_MS)) return had;
    const read = readerOf(host);
    if (read === undefined) return null;
    const counted = read(servers.map((s) => s.id)).then(
      (all) => new Map(all.map((c) => [c.uuid, c])),
      (err: unknown) => {
        log.debug({ err, host }, "what servers have taken of their host could not be read");
        return null;
      },
    );
    const reading: Reading = { atMs, counted, isLate: false };
    this.#readings.set(host, reading);
    return reading;
  }

  async #inTime(host: HostId, reading: Reading): Promise<ReadonlyMap<string, Counted> | null> {
    const { clock, log } = this.#parts;
    const ends = new AbortController();
    const counted = reading.counted.finally(() => {
      ends.abort();
      reading.isLate = false;
    });
    const late = clock.sleep(ANSWER_MS, ends.signal).then(
      () => {
        if (ends.signal.aborted) return counted; // It came just now.
        if (!reading.isLate)
          log.debug({ host }, "a host does not tell what its servers have taken; it is left out until it does");
        reading.isLate = true;
        return null;
      },
      () => counted,
    );
    return Promise.race([counted, late]);
  }
}

/** `counted` undefined: its host does not have it, and so it does not run. */
function usageOf(server: Server, counted: Counted | undefined, readMs: number): ServerUsage {
  const { id: serverId, name, hostId, pinned } = server;
  const run = counted?.run ?? null;
  const huge = (pinned?.hugepagesGiB ?? 0) * MIB_PER_GIB;
  return {
    serverId,
    name,
    run: run === null ? null : nameUuid(`${serverId} ${hostId} ${run}`), // How many a host has run is nobody else's business.
    readMs,
    cpuMs: counted?.cpuMs ?? null,
    vcpus: server.vcpus || (pinned?.threads.length ?? 0),
    memoryMiB: server.memoryMiB || huge,
    residentMiB: huge > 0 ? null : (counted?.residentMiB ?? null),
  };
}
