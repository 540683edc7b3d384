import { Fault } from "../lib/fault.ts";
import type { ServerId } from "../model/ids.ts";
import type { VimConnector, VimServer } from "../vimconn/connector.ts";
import { isLate } from "./heal-steps.ts";
import { DONE, failed, type Look, missing, nothingToUndo, type Step } from "./saga.ts";

/** What is armed follows a decision within tenths of a second, ms. */
const LED_AROUND_WITHIN_MS = 30_000;

export interface SpareWorld {
  readonly server: VimServer | undefined;
  /** It is on the disk that it is meant to rest; from then on no traffic is led to it. */
  readonly isMarked: boolean;
  /** A plan that lies in the VIM, or may, would lead traffic to it. */
  readonly isTarget: boolean;
}

export interface SpareParts {
  readonly connector: VimConnector;
  readonly serverId: ServerId;
  /** Resolves when it is on the disk. */
  mark(isMeantToRest: boolean): Promise<void>;
  /** Asked right before it is paused: nothing was led to it, and nobody needs it. */
  mayPause(): boolean;
}

/** Puts a spare to rest: nothing may lead traffic to it before it is paused, by no way. */
export function restSteps({ connector, serverId, mark, mayPause }: SpareParts): Step<SpareWorld>[] {
  return [
    {
      name: "mark it as resting",
      look: ({ isMarked }) => (isMarked ? DONE : missing("it is not marked yet")),
      run: async () => {
        await mark(true);
        return "done";
      },
      undo: () => mark(false),
      leftToDo: "see why the store cannot be written",
    },
    {
      name: "lead nothing to it",
      look: ({ isTarget }, askedForMs): Look => {
        if (!isTarget) return DONE;
        const why = "a plan that lies in the VIM may still lead traffic to it";
        return (askedForMs ?? 0) >= LED_AROUND_WITHIN_MS ? failed(why) : missing(why);
      },
      run: async () => undefined, // The decision that it is to rest arms the VIM anew.
      undo: nothingToUndo, // And so does the one that it is not.
      leftToDo: "see why the VIM cannot be armed",
    },
    {
      name: "pause it",
      look: ({ server }, askedForMs): Look => {
        if (server?.status === "PAUSED") return DONE;
        const why = `the VIM has its server ${server?.status ?? "no more"}`;
        return server?.status !== "ACTIVE" || isLate(server, askedForMs) ? failed(why) : missing(why);
      },
      run: async (signal) => {
        if (!mayPause()) throw new Fault("CONFLICT", "it is needed");
        await connector.pauseServer(serverId, signal);
        return undefined;
      },
      undo: (signal) => connector.resumeServer(serverId, signal),
      leftToDo: "resume its server by hand",
    },
  ];
}
