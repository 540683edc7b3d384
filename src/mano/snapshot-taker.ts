import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { Occurrence } from "../model/occurrence.ts";
import type { SnapshotRecord, VnfcSnapshot } from "../model/vnf-snapshot.ts";
import type { OpenVimDirect, VimRow } from "../vimconn/openvim-direct.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { ScaleProgress } from "./scale-share.ts";
import type { Snapshots } from "./snapshots.ts";

export interface SnapshotTakerParts {
  readonly clock: Clock;
  readonly snapshots: Snapshots;
  direct(id: VimAccountId): OpenVimDirect;
}

/**
 * Takes snapshots: an image of the disk of each VNFC, which its VIM makes while the machine runs on. A step in each pass over one VIM; nothing is
 * remembered but ids of images, which are chosen beforehand, so that a restart finds what was asked for.
 */
export class SnapshotTaker {
  readonly #parts: SnapshotTakerParts;

  constructor(parts: SnapshotTakerParts) {
    this.#parts = parts;
  }

  /** VIM_UNREACHABLE passes through: the next pass is the retry. */
  async step(o: Occurrence, site: Site): Promise<ScaleProgress & { readonly remarks: readonly string[] }> {
    const { snapshots, clock } = this.#parts;
    const record = snapshots.get(o.vnfs[0]!.snapshotId!);
    const { content } = record;
    if (content === null) return { waits: ["it has no content"], failure: "its content is gone", remarks: [] };
    const waits: string[] = [];
    const vnfcs: VnfcSnapshot[] = [];
    using direct = this.#parts.direct(site.vim);
    for (const one of content.vnfcs) {
      const isHere = one.vimAccountId === site.vim && one.finishedAt === null;
      const { now, why, isLost } = isHere
        ? await this.#one(record, one, site, direct).catch(refusedFor(one))
        : { now: one, why: null, isLost: false };
      if (isLost) return { waits: [why!], failure: why, remarks: [] };
      vnfcs.push(now);
      if (now.finishedAt === null) waits.push(why ?? `${now.name} is being copied`);
    }
    const remarks = vnfcs.flatMap(remarksOf);
    if (vnfcs.every((v, i) => v === content.vnfcs[i])) return { waits, failure: null, remarks };
    const finishedAt = waits.length === 0 ? clock.wall().toISOString() : null;
    await snapshots.put(snapshots.with(record, { ...content, vnfcs, finishedAt }));
    return { waits, failure: null, remarks };
  }

  /** Takes away what there is of it; empty when it waits for nothing. */
  async takeBack(o: Occurrence, { vim }: Site): Promise<readonly string[]> {
    const { snapshots } = this.#parts;
    const record = snapshots.get(o.vnfs[0]!.snapshotId!);
    const { content } = record;
    if (content === null) return [];
    const why = await snapshots.drop(
      vim,
      content.vnfcs.filter((v) => v.vimAccountId === vim),
    );
    if (why !== null) return [why];
    const left = content.vnfcs.filter((v) => v.vimAccountId !== vim);
    await snapshots.put(snapshots.with(record, left.length === 0 ? null : { ...content, vnfcs: left }));
    return left.map((v) => `the image of ${v.name} is still to be taken away`);
  }

  async #one(record: SnapshotRecord, one: VnfcSnapshot, { seen }: Site, direct: OpenVimDirect): Promise<Taken> {
    const image = await rowOf(direct.image(one.imageId!));
    if (image === null) return this.#ask(record, one, seen.servers.has(one.serverId), direct);
    if (image.status === "ERROR") return lost(one, `${one.name}: ${image.last_error ?? "its VIM gives no reason"}`);
    if (image.status === "BUILD")
      return { now: one, why: `${one.name} is being copied: ${image.progress ?? 0} %`, isLost: false };
    return this.#finished(one, (await rowOf(direct.server(one.serverId))) ?? {});
  }

  async #ask(record: SnapshotRecord, one: VnfcSnapshot, isThere: boolean, direct: OpenVimDirect): Promise<Taken> {
    if (!isThere) return lost(one, `${one.name}: its VIM has no machine of it`);
    const name = `snapshot-${record.id.slice(0, 8)}-${one.name}`.slice(0, NAME_MAX);
    const description = `VNFC ${one.name} of VNF snapshot ${record.id}`;
    try {
      const asked = { createImage: { id: one.imageId, name, description } };
      const made = (await direct.act(one.serverId, asked)) as { readonly image?: { readonly id?: string } } | null;
      const id = made?.image?.id;
      if (id !== undefined && id !== one.imageId) {
        await direct.dropImage(id);
        return lost(one, `${one.name}: its VIM gives images ids of its own, so that nobody could find it after a restart`);
      }
    } catch (e) {
      if (!(e instanceof Fault) || e.code !== "VIM_REFUSED") throw e;
      // Its machine is there, so it is the disk that is not: a kernel and its initial RAM disk are all that it is made from.
      const server = e.about.status === 404 ? await rowOf(direct.server(one.serverId)) : null;
      if (server !== null) return this.#finished({ ...one, imageId: null }, server);
      return lost(one, `${one.name}: ${e.detail}`);
    }
    return { now: one, why: `${one.name} is being copied`, isLost: false };
  }

  #finished(one: VnfcSnapshot, { extended }: VimRow): Taken {
    const { devices = [] } = (extended ?? {}) as { readonly devices?: readonly { readonly type?: string }[] };
    const hasMore = devices.some(({ type }) => type === "disk" || type === "usb");
    const finishedAt = this.#parts.clock.wall().toISOString();
    return { now: { ...one, ...(hasMore && { hasMoreDisks: true as const }), finishedAt }, why: null, isLost: false };
  }
}

/** OpenVIM's names. */
const NAME_MAX = 255;

interface Taken {
  readonly now: VnfcSnapshot;
  readonly why: string | null;
  /** It will not come. */
  readonly isLost: boolean;
}

/** What is not kept of it. */
const remarksOf = ({ name, imageId, hasMoreDisks }: VnfcSnapshot): string[] => [
  ...(imageId === null ? [`${name} has no disk: nothing is kept of it, and a revert makes it anew from its image`] : []),
  ...(hasMoreDisks
    ? [`${name} has further disks, of which nothing is kept: a revert makes them anew, as they were at first`]
    : []),
];

/** What a VIM does not answer, though it answers, is waited for: it holds up nobody else of that VIM. */
const refusedFor =
  (now: VnfcSnapshot) =>
  (e: unknown): Taken => {
    if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
    return { now, why: `${now.name}: ${e.detail}`, isLost: false };
  };

const lost = (now: VnfcSnapshot, why: string): Taken => ({ now, why, isLost: true });

/** Null: there is none. */
async function rowOf<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (e) {
    if (e instanceof Fault && e.code === "VIM_REFUSED" && e.about.status === 404) return null;
    throw e;
  }
}
