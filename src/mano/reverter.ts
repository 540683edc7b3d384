import type { Clock } from "../lib/clock.ts";
import type { VimAccountId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, Reverting, VnfPart } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import type { MadeFrom } from "../model/vnf-snapshot.ts";
import { upsertGroup } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { updateMadeFrom } from "../store/mano-snapshots.ts";
import type { OpenVimDirect, VimRow } from "../vimconn/openvim-direct.ts";
import type { Arming } from "./arming.ts";
import { type Guard, isWell } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { Occurrences } from "./occurrences.ts";
import { type Deployment, waitsFor } from "./plan.ts";
import type { Reaction } from "./reaction.ts";
import { refusal } from "./refusal.ts";
import type { ScaleProgress } from "./scale-share.ts";
import type { Snapshots } from "./snapshots.ts";

export interface ReverterParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly occurrences: Occurrences;
  readonly snapshots: Snapshots;
  readonly reaction: Reaction;
  readonly arming: Pick<Arming, "mayKnow">;
  direct(id: VimAccountId): OpenVimDirect;
  wake(d: Deployment): void;
}

/** What a pass works with. */
interface Work {
  readonly d: Deployment;
  readonly o: Occurrence;
  readonly part: VnfPart;
  readonly reverting: Reverting;
  readonly guards: readonly Guard[];
  readonly site: Site;
}

/**
 * Leads a VNF back to a snapshot, one VNFC after the other. A member of a group gives away what it serves first, as one that is to go does (decision
 * 0072), begins anew from its image when nothing leads to it any more, and is a member again when it answers; only then the next one follows. So
 * its traffic is served all the while, and where the first one does not come back the others have stayed as they were.
 */
export class Reverter {
  readonly #parts: ReverterParts;
  /** When this run asked for each, monotonic ms: what was looked at before does not show it. */
  readonly #askedMs = new Map<VnfcId, number>();

  constructor(parts: ReverterParts) {
    this.#parts = parts;
  }

  /** VIM_UNREACHABLE passes through: the next pass is the retry. The caller has the turn of the NS. */
  async step(d: Deployment, o: Occurrence, site: Site): Promise<ScaleProgress> {
    const part = o.vnfs.find((p) => p.reverting !== undefined)!;
    const reverting = part.reverting!;
    const work = { d, o, part, reverting, guards: this.#parts.reaction.guardsOf(d.ns.id), site };
    const left = reverting.all.filter((id) => !reverting.done.includes(id));
    const id = reverting.begun ?? this.#nextOf(work, left);
    if (id === null) {
      await this.#setAside(work, null);
      return { waits: [], failure: null };
    }
    const vnfc = d.vnfcs.find((v) => v.id === id);
    if (vnfc === undefined) return failed("a VNFC of it is no more");
    return reverting.begun === null ? this.#begin(work, vnfc) : this.#follow(work, vnfc);
  }

  /** Whoever was set aside is a member as the others again: it is healed from now on where it is not well. */
  async release(d: Deployment, o: Occurrence): Promise<void> {
    const { reverting } = o.vnfs.find((p) => p.reverting !== undefined)!;
    await this.#setAside({ d, reverting: reverting!, guards: this.#parts.reaction.guardsOf(d.ns.id) }, null);
    this.#askedMs.clear();
  }

  /** Who is not well first, and who serves last: what was seen to come back is there to take over. */
  #nextOf({ guards }: Work, left: readonly VnfcId[]): VnfcId | null {
    const rankOf = (id: VnfcId) => {
      const of = guards.flatMap((g) => g.memberOf(id) ?? [])[0];
      if (of === undefined || !isWell(of)) return 0;
      return guards.some((g) => g.carriedBy(id) > 0) ? 2 : 1;
    };
    return left.toSorted((a, b) => rankOf(a) - rankOf(b))[0] ?? null;
  }

  async #begin(work: Work, vnfc: Vnfc): Promise<ScaleProgress> {
    const { o, part, reverting, site } = work;
    const { db, clock, occurrences, lifecycle } = this.#parts;
    const why = await this.#whyNotFree(work, vnfc);
    if (why !== null) return { waits: [why], failure: null };
    const imageId = this.#imageOf(part, vnfc);
    using direct = this.#parts.direct(site.vim);
    const refused = await refusal(direct.act(vnfc.vimServerId, { rebuild: imageId === null ? null : { imageRef: imageId } }));
    if (refused !== null) return failed(`${vnfc.serverName}: ${refused}`);
    const madeFrom = imageId === null ? null : { snapshotId: part.snapshotId!, imageId };
    const words = `${vnfc.name} begins anew`;
    const begun = changedPart(occurrences, o, part, { ...reverting, begun: vnfc.id }, [words]);
    await db.transaction().execute(async (tx) => {
      await updateMadeFrom(tx, vnfc.id, madeFrom);
      await occurrences.write(tx, begun);
    });
    this.#askedMs.set(vnfc.id, clock.now());
    const now = lifecycle.of(work.d.ns.id)!;
    lifecycle.resize({ ...now, vnfcs: now.vnfcs.map((v) => (v.id === vnfc.id ? withMadeFrom(v, madeFrom) : v)) });
    occurrences.tell(begun);
    this.#parts.wake(work.d);
    return { waits: [words], failure: null };
  }

  async #follow(work: Work, vnfc: Vnfc): Promise<ScaleProgress> {
    const { o, part, reverting, guards, site } = work;
    const say = (why: string): ScaleProgress => ({ waits: [`${vnfc.name} begins anew: ${why}`], failure: null });
    if (site.seen.startedAt <= (this.#askedMs.get(vnfc.id) ?? Number.NEGATIVE_INFINITY)) return say("it was not looked at yet");
    const server = site.seen.servers.get(vnfc.vimServerId);
    if (server === undefined) return failed(`${vnfc.serverName} is gone from its VIM`);
    if (server.status === "ERROR") return failed(`${vnfc.serverName}: ${server.lastError ?? "its VIM gives no reason"}`);
    if (server.status !== "ACTIVE" || server.task != null) return say(`the VIM has its machine ${server.status}`);
    const { imageId, refused } = await this.#madeFrom(vnfc, site);
    if (refused !== null) return say(refused);
    const wanted = this.#imageOf(part, vnfc);
    if (wanted !== null && imageId !== wanted)
      return failed(`${vnfc.serverName}: its VIM made it anew from its own image; it makes no server anew from another one`);
    const of = guards.flatMap((g) => g.memberOf(vnfc.id) ?? [])[0];
    const why = of === undefined ? waitsFor([vnfc], site.seen) : of.health.state === "up" ? null : of.health.why;
    if (why !== null) return say(why);
    await this.#setAside(work, null);
    const { occurrences } = this.#parts;
    const words = `${vnfc.name} is as it was`;
    await occurrences.put(
      changedPart(occurrences, o, part, { ...reverting, done: [...reverting.done, vnfc.id], begun: null }, [words]),
    );
    this.#parts.wake(work.d);
    return { waits: [words], failure: null };
  }

  /** What its VIM has made it from. What that does not say, though it answers, holds up nobody else there. */
  async #madeFrom({ vimServerId }: Vnfc, { vim }: Site): Promise<{ imageId: string | null; refused: string | null }> {
    using direct = this.#parts.direct(vim);
    let row: VimRow = {};
    const refused = await refusal(
      direct.server(vimServerId).then((found) => {
        row = found;
      }),
    );
    return { imageId: ((row.image ?? {}) as { readonly id?: string }).id ?? null, refused };
  }

  #imageOf({ snapshotId }: VnfPart, { name }: Vnfc): string | null {
    const { content } = this.#parts.snapshots.get(snapshotId!);
    return content?.vnfcs.find((v) => v.name === name)?.imageId ?? null;
  }

  /** What still leads to it; null: its machine may begin anew. Where nobody of its group is up there is nobody to give anything to, and nothing to lose. */
  async #whyNotFree(work: Work, vnfc: Vnfc): Promise<string | null> {
    const guards = work.guards.filter((g) => g.memberOf(vnfc.id) !== undefined);
    const [first] = guards;
    if (first === undefined) return null;
    const others = guards.map((g) => g.members.filter((m) => m.member.vnfcId !== vnfc.id)).filter((of) => of.length > 0);
    const isAlone = !others.some((of) => of.some(isWell));
    if (isAlone && others.length > 0 && isWell(first.memberOf(vnfc.id)!))
      return `${vnfc.name} stays until another one of its group is up`;
    await this.#setAside(work, vnfc.id); // Also that nobody heals it meanwhile.
    if (isAlone) return null;
    const { dataNet } = first.memberOf(vnfc.id)!.member;
    const bound = [...work.site.seen.nets.values()].filter((n) => n.bindNet === dataNet);
    if (guards.some((g) => g.carriedBy(vnfc.id) > 0) || bound.length > 0) return `${vnfc.name} gives away what it serves`;
    const knowing = guards.find((g) => this.#parts.arming.mayKnow(g, vnfc.id, "target"));
    return knowing ? `${vnfc.name}: the VIM has a plan of ${knowing.group.name} that would lead traffic to it` : null;
  }

  /** Of the VNFCs that are reverted this one gives away what it serves, and nothing is led to it; null: none. */
  async #setAside({ d, reverting, guards }: Pick<Work, "d" | "reverting" | "guards">, id: VnfcId | null): Promise<void> {
    const { db, reaction, clock } = this.#parts;
    for (const guard of guards) {
      const next = withAside(guard.group, new Set(reverting.all), id);
      if (next === null) continue;
      await upsertGroup(db, next);
      reaction.regroup(guard, next, new Map(d.vnfcs.map((v) => [v.id, v.vimServerId])));
      reaction.decideNow(guard, "command", clock.now());
      this.#parts.wake(d);
    }
  }
}

/** Null: nothing is to be changed. Pure. */
function withAside(group: ProtectionGroup, all: ReadonlySet<VnfcId>, id: VnfcId | null): ProtectionGroup | null {
  const members = group.members.map((m) => {
    if (!all.has(m.vnfcId) || (m.isLeaving === true) === (m.vnfcId === id)) return m;
    const { isLeaving: _, ...rest } = m;
    return m.vnfcId === id ? { ...rest, isLeaving: true as const } : rest;
  });
  return members.every((m, i) => m === group.members[i]) ? null : { ...group, members };
}

function withMadeFrom({ madeFrom: _, ...vnfc }: Vnfc, madeFrom: MadeFrom | null): Vnfc {
  return madeFrom === null ? vnfc : { ...vnfc, madeFrom };
}

const changedPart = (
  occurrences: Occurrences,
  o: Occurrence,
  part: VnfPart,
  reverting: Reverting,
  warnings: readonly string[],
): Occurrence => occurrences.changed(o, { warnings, vnfs: o.vnfs.map((p) => (p === part ? { ...p, reverting } : p)) });

const failed = (why: string): ScaleProgress => ({ waits: [why], failure: why });
