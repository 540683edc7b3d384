import { saysOf } from "../hosts/domain-says.ts";
import type { Host } from "../hosts/host.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { ServerId } from "../model/ids.ts";
import type { Server, VimPicture } from "../model/vim-picture.ts";
import type { Facts } from "./facts.ts";

/** A guest that was asked to restart and is not down after this is switched off and on, ms; as OpenStack's (`wait_soft_reboot_seconds`). */
const REBOOT_WITHIN_MS = 120_000;
/** A guest whose server was deleted is switched off after this, ms; as OpenVIM's (`terminate`). */
export const DELETE_WITHIN_MS = 10_000;
/** One that boots does not hear its power button yet: it is pressed again, ms. */
const ASK_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 100;
/** libvirt is asked less and less often, after a tenth of the time that was waited already: many that are deleted at once are many questions. */
const SHARE_OF_WAIT = 0.1;

interface AskedToEnd {
  readonly host: Pick<Host, "shutdown" | "stateOf">;
  readonly clock: Clock;
  readonly withinMs: number;
  /** Looked at again and again: false ends the wait. */
  readonly isWanted: () => boolean;
  /** Seen by somebody else than libvirt. */
  readonly hasEnded?: () => boolean;
}

/**
 * Asks a guest to end itself, by its power button, and waits until it has: for `withinMs` at most, and not at all for one that stands still or
 * is off, or where its host refuses to ask it. Whether it has ended is for the caller to see. Throws what a host throws that cannot be asked.
 */
export async function guestEnds(id: ServerId, { host, clock, withinMs, isWanted, hasEnded }: AskedToEnd): Promise<void> {
  const begunMs = clock.now();
  let [askMs, lookMs] = [begunMs, begunMs];
  const isOver = async () => {
    if (hasEnded?.() === true) return true;
    if (clock.now() < lookMs) return false;
    lookMs = clock.now() + SHARE_OF_WAIT * (clock.now() - begunMs);
    return saysOf(await host.stateOf(id)) !== "running";
  };
  while (isWanted() && clock.now() - begunMs < withinMs && !(await isOver())) {
    if (clock.now() >= askMs) {
      askMs = clock.now() + ASK_EVERY_MS;
      if (!(await isAsked(host.shutdown(id)))) return;
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}

interface RestartParts extends Pick<AskedToEnd, "host" | "clock"> {
  readonly picture: Pick<VimPicture, "servers" | "portsOf">;
  readonly facts: Pick<Facts, "stoppedAt">;
}

/**
 * Asks a guest that is to restart to end itself first. True: it is to be switched off, if it is not, and on. False: it took its power button for
 * a restart, or something else is asked of the server by now. Nothing is asked of one that is closed in the switch for its silence.
 */
export async function needsNewLife({ id, hostId, taskNo }: Server, parts: RestartParts): Promise<boolean> {
  const { picture, facts, host, clock } = parts;
  const isWanted = () => {
    const now = picture.servers.get(id);
    return now?.hostId === hostId && (now.taskNo === taskNo || now.task === "start" || now.task === "resume"); // They want what comes of it.
  };
  const askedMs = clock.now();
  const hasEnded = () => facts.stoppedAt(id) > askedMs;
  if (!picture.portsOf(id).some((p) => p.fenced))
    await guestEnds(id, { host, clock, withinMs: REBOOT_WITHIN_MS, isWanted, hasEnded });
  return isWanted() && !(hasEnded() && picture.servers.get(id)?.status === "ACTIVE");
}

const isAsked = (asking: Promise<void>): Promise<boolean> =>
  asking.then(
    () => true,
    (e: unknown) => {
      if (e instanceof Fault && e.code === "HOST_REFUSED") return false;
      throw e;
    },
  );
