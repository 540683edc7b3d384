import { randomUUID } from "node:crypto";
import { answerCommand } from "../decide/command.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { CommandOutcome, CommandWish } from "../model/group-view.ts";
import type { GroupId, NetId, VnfcId } from "../model/ids.ts";
import type { CommandState, Decision, GivenCommand, Move, ProtectionCommand } from "../model/protection.ts";
import type { EventStream } from "../notify/stream.ts";
import { type CommandRecord, endCommand, insertCommand, readCommandsInPlace, writeCommand } from "../store/mano-commands.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { AlarmBook } from "./alarms.ts";
import type { Guard } from "./guard.ts";
import type { WriteQueue } from "./writes.ts";

export interface CommandParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly stream: EventStream;
  readonly alarms: AlarmBook;
  readonly writes: WriteQueue;
  /** By id or by name. Throws NOT_FOUND. */
  guardOf(idOrName: string): Guard;
  /** Decides and acts at once. */
  decideNow(guard: Guard): Decision | null;
  /** Brings what is armed in the VIM up to date; a sentence where that could not be done. */
  rearm(guard: Guard): Promise<string | null>;
}

/** What operators forget: while one is in place nobody else leads traffic back. */
const LOCKS: ReadonlySet<ProtectionCommand["kind"]> = new Set(["lockout", "force"]);
const NEEDS_MEMBER: ReadonlySet<ProtectionCommand["kind"]> = new Set(["force", "manual"]);
/** Those that lead traffic, or keep it where it is. */
const SWITCHES: ReadonlySet<ProtectionCommand["kind"]> = new Set(["lockout", "force", "manual"]);

/** Operators' commands (ITU-T G.8031, 11.2): asked, written, acted on, ended. On the disk before they are acknowledged. */
export class Commands {
  readonly #parts: CommandParts;
  readonly #inPlace = new Map<GroupId, GivenCommand>();
  /** What was last told of the command in place. */
  readonly #told = new Map<GroupId, CommandState["state"]>();
  readonly #turns = new Map<GroupId, Promise<unknown>>();

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  /** Takes up the commands that are in place by the store. */
  async restore(guards: readonly Guard[]): Promise<void> {
    for (const record of await readCommandsInPlace(this.#parts.db)) {
      const guard = guards.find((g) => g.group.id === record.groupId);
      if (guard) this.#put(guard, record);
      else await endCommand(this.#parts.db, record.id, this.#now(), "its protection group is no more");
    }
  }

  inPlace(id: GroupId): GivenCommand | null {
    return this.#inPlace.get(id) ?? null;
  }

  /**
   * Gives a command, or with `dryRun` says what it would do. Throws NOT_FOUND for the group, INVALID for a wish that makes no sense,
   * CONFLICT with every reason why it cannot be given now.
   */
  async give(idOrName: string, wish: CommandWish, by: string): Promise<CommandOutcome> {
    const guard = this.#parts.guardOf(idOrName);
    const command = commandOf(guard, wish);
    const before = this.#turns.get(guard.group.id) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#give(guard, command, by, wish.dryRun)); // Its failure is its caller's.
    this.#turns.set(guard.group.id, turn);
    return turn;
  }

  /** After a decision that was made under `command`: tells how it stands, and takes away one that has ended. */
  settle(guard: Guard, command: ProtectionCommand | null, decision: Decision): void {
    const given = this.#inPlace.get(guard.group.id);
    if (!given || given !== command || !decision.command) return;
    this.#tell(guard, given, decision.command);
    if (decision.command.state === "ended") this.#end(guard, given, decision.command.because);
  }

  /** Of a group that is no more; its command was ended with it in the store. */
  forget(guard: Guard): void {
    const given = this.#inPlace.get(guard.group.id);
    if (given) this.#tell(guard, given, { state: "ended", because: "the network service was terminated" });
    this.#drop(guard);
    this.#turns.delete(guard.group.id);
  }

  async #give(guard: Guard, asked: ProtectionCommand, by: string, dryRun: boolean): Promise<CommandOutcome> {
    const { db, clock, stream } = this.#parts;
    const { group } = guard;
    if (!guard.isWatched || !guard.isObserved)
      throw new Fault(
        "CONFLICT",
        `${group.name} is not protected yet: its network service is not instantiated, or its VIM was not seen`,
      );
    const had = this.#inPlace.get(group.id) ?? null;
    const { accepted, because, decision } = answerCommand(group, guard.view, had, asked, clock.now());
    if (!accepted) throw new Fault("CONFLICT", because.join("\n"), { group: group.id });
    const answer = { accepted: true, dryRun, because, moves: [...decision.moves], command: decision.command };
    if (dryRun) return answer;
    const given: CommandRecord = {
      ...asked,
      id: randomUUID(),
      groupId: group.id,
      givenAt: this.#now(),
      givenBy: by,
      endedAt: null,
      endedBecause: null,
    };
    if (asked.kind === "exercise") {
      await insertCommand(db, { ...given, endedAt: given.givenAt, endedBecause: because.join("; ") });
      stream.push({ type: "protection.command", groupId: group.id, command: asked, state: "ended", because: because.join("; ") });
      return { ...answer, moves: [], command: { state: "ended", because: "an exercise changes no traffic" } };
    }
    await writeCommand(db, given, `a ${asked.kind} was given by ${by}`);
    if (!guard.isWatched) {
      await endCommand(db, given.id, this.#now(), "the network service was terminated");
      throw new Fault("CONFLICT", `${group.name} is protected no more: its network service was terminated`, { group: group.id });
    }
    if (had) this.#tell(guard, had, { state: "ended", because: `a ${asked.kind} was given by ${by}` });
    this.#put(guard, given);
    return this.#act(guard, given, answer);
  }

  /** What is answered is what was done, which the moments of the write to the disk may have changed. */
  async #act(guard: Guard, given: GivenCommand, answer: CommandOutcome): Promise<CommandOutcome> {
    const decision = this.#parts.decideNow(guard);
    if (decision) this.settle(guard, given, decision);
    const unarmed = await this.#parts.rearm(guard);
    const moves: readonly Move[] = decision?.moves ?? answer.moves;
    const because = unarmed === null ? answer.because : [...answer.because, `the VIM still has an older plan: ${unarmed}`];
    return { ...answer, because, moves, command: decision?.command ?? answer.command };
  }

  #put(guard: Guard, given: GivenCommand): void {
    const { alarms } = this.#parts;
    this.#inPlace.set(guard.group.id, given);
    this.#told.delete(guard.group.id);
    guard.command = given;
    if (!LOCKS.has(given.kind)) alarms.clear(guard.group.id, "PROTECTION_LOCKED");
    else
      void alarms.raise(guard.group.id, "PROTECTION_LOCKED", [
        `${guard.group.name}: ${given.kind} given at ${given.givenAt} by ${given.givenBy}; sempre protection clear ${guard.group.name} ends it`,
      ]);
  }

  #end(guard: Guard, given: GivenCommand, because: string): void {
    const endedAt = this.#now();
    this.#parts.writes.push((tx) => endCommand(tx, given.id, endedAt, because));
    this.#drop(guard);
    // What is decided without it may be more: nets it kept, and waits it made nobody begin.
    setImmediate(() => this.#parts.decideNow(guard));
  }

  #drop(guard: Guard): void {
    this.#inPlace.delete(guard.group.id);
    this.#told.delete(guard.group.id);
    guard.command = null;
    this.#parts.alarms.clear(guard.group.id, "PROTECTION_LOCKED");
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }

  #tell(guard: Guard, { kind, to, trafficNets }: GivenCommand, { state, because }: CommandState): void {
    const { id } = guard.group;
    if (this.#told.get(id) === state) return;
    this.#told.set(id, state);
    this.#parts.stream.push({ type: "protection.command", groupId: id, command: { kind, to, trafficNets }, state, because });
  }
}

/** Names become ids; a name that is none is left for the answer, which says what there is. Throws INVALID. */
function commandOf({ group }: Guard, { kind, to, trafficNets }: CommandWish): ProtectionCommand {
  if (to !== null && !NEEDS_MEMBER.has(kind)) throw new Fault("INVALID", `a ${kind} leads traffic to nobody: leave "to" out`);
  if (trafficNets !== null && trafficNets.length === 0)
    throw new Fault("INVALID", "traffic_nets is empty: name some, or leave it out for all of the group");
  if (group.scheme === "DUPLICATED" && SWITCHES.has(kind))
    throw new Fault(
      "INVALID",
      `both members of ${group.name} serve all of its traffic nets at once (DUPLICATED): a ${kind} has nothing to switch`,
    );
  const memberIdOf = (name: string) =>
    group.members.find((m) => m.vnfcId === name || m.name === name)?.vnfcId ?? (name as VnfcId);
  const netIdOf = (name: string) => group.trafficNets.find((n) => n.netId === name || n.name === name)?.netId ?? (name as NetId);
  return { kind, to: to === null ? null : memberIdOf(to), trafficNets: trafficNets?.map(netIdOf) ?? null };
}
