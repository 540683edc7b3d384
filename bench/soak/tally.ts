import type { Latest } from "../../src/lab/viewer.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";

/** What happened although nothing was done. All counts are since the tally began. */
export interface Counts {
  /** Traffic nets led to another member, by whomever. */
  moves: number;
  /** Ports closed in the switch. */
  fences: number;
  /** Times a probe fell silent: N of M requests in a row unanswered. An opinion; it moves nothing by itself. */
  silences: number;
  /** Other words against a member (a lost link, an end of a life). */
  facts: number;
  healthChanges: number;
  heals: number;
  alarms: number;
  /** Sessions with the switch, streams with the VIM that were lost. */
  lostSessions: number;
}

const AGAINST = new Set(["paused", "stopped", "linkDown"]);

/** Counts what the daemons tell. Each fence and move keeps its reason, for whoever wants to know why. */
export class Tally {
  readonly counts: Counts = {
    ...{ moves: 0, fences: 0, silences: 0, facts: 0, healthChanges: 0, heals: 0, alarms: 0, lostSessions: 0 },
  };
  readonly reasons: string[] = [];

  hearVim(event: VimEvent): void {
    if (event.type === "switch.status" && event.status === "disconnected") this.counts.lostSessions++;
    if (event.type === "protection.fired") this.#because(`${event.fired.because.join(", ")}`);
    if (event.type === "net.bound") this.counts.moves++;
    if (event.type !== "evidence") return;
    const { says, source } = event.evidence;
    if (says === "fenced") {
      this.counts.fences++;
      this.#because(event.evidence.detail ?? "fenced");
    }
    if (says === "silent") this.counts.silences++;
    if (AGAINST.has(says)) {
      this.counts.facts++;
      this.#because(`${source}: ${says}`);
    }
  }

  hearMano(event: ManoEvent): void {
    if (event.type === "health.changed") this.counts.healthChanges++;
    if (event.type === "heal.started") this.counts.heals++;
    if (event.type === "vim.lost") this.counts.lostSessions++;
    if (event.type === "alarm.raised") {
      this.counts.alarms++;
      this.#because(`${event.alarm.probableCause}: ${event.alarm.faultDetails.join(", ")}`);
    }
  }

  text(): string {
    const { moves, fences, silences, healthChanges, heals, alarms } = this.counts;
    return `${moves} moves, ${fences} fences, ${silences} silences, ${healthChanges} health changes, ${heals} heals, ${alarms} alarms`;
  }

  #because(reason: string): void {
    if (this.reasons.length < REASONS_MAX) this.reasons.push(reason);
  }
}

const REASONS_MAX = 20;

/** Packets sent and lost between two looks at a viewer, by the sequence numbers that came. */
export function loss(before: Latest, now: Latest): { readonly sent: number; readonly lost: number } {
  const sent = (now.lastSeq ?? 0) - (before.lastSeq ?? 0);
  const came = now.received - now.duplicates - (before.received - before.duplicates);
  return { sent, lost: Math.max(0, sent - came) };
}
