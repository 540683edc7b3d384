import { Fault } from "../lib/fault.ts";
import type { HealVerb } from "../model/heal.ts";
import type { GroupId, HostId, VnfcId } from "../model/ids.ts";
import type { Health } from "../model/protection.ts";
import type { ServerSpec, VimConnector, VimLinkPort, VimServer } from "../vimconn/connector.ts";
import { DONE, failed, type Look, missing, nothingToUndo, type Step } from "./saga.ts";

/** A server that was asked to run and still does not, or has stopped again, is not waited for any longer than this where its VIM does nothing with it, ms. */
export const RUNS_WITHIN_MS = 5_000;
/** While its VIM is at it, it is given more: on a loaded host QEMU's start alone takes many seconds. One that hangs there is left after this, ms. */
export const TASK_WITHIN_MS = 60_000;
/** No guest boots that long, ms. */
export const ANSWERS_WITHIN_MS = 300_000;

/** What a heal looks at: the VNFC as its VIM and its evidence have it. */
export interface HealWorld {
  readonly server: VimServer | undefined;
  /** Its service port; undefined: it has none. */
  readonly port: VimLinkPort | undefined;
  /** Null: nobody judges it, and the state of its server has to do. */
  readonly health: Health | null;
}

/** One heal as it is planned; on the disk while it is under way. */
export interface HealPlan {
  readonly verb: HealVerb;
  /** Its port is closed in the switch first: it may still run. */
  readonly closes: boolean;
  /** The host it is to leave (`evacuate`). */
  readonly from: HostId | null;
}

export interface HealParts {
  readonly connector: VimConnector;
  readonly vnfcId: VnfcId;
  /** Null: it is in no protection group, and nobody can close its port. */
  readonly groupId: GroupId | null;
  readonly spec: ServerSpec;
  /** Asked right before each request: a member that has come up by itself, and may serve, is left alone. */
  mayTouch(): boolean;
}

/** Fence, a new life, its first answer. Its port opens with the new life: the VIM does that in the write that tells of it. */
export function healSteps(plan: HealPlan, parts: HealParts): Step<HealWorld>[] {
  const steps = [...(plan.closes && parts.groupId !== null ? [closeStep(parts, parts.groupId)] : []), beginStep(plan, parts)];
  return [...steps.map((step) => careful(step, parts)), answerStep(plan)];
}

function careful(step: Step<HealWorld>, { mayTouch }: HealParts): Step<HealWorld> {
  return {
    ...step,
    run: async (signal) => {
      if (!mayTouch()) throw new Fault("CONFLICT", "it is up by itself and is left alone");
      return step.run(signal);
    },
  };
}

function closeStep({ connector, vnfcId }: HealParts, groupId: GroupId): Step<HealWorld> {
  return {
    name: "close its port",
    look: ({ server, port }) =>
      port?.fenced === true || !mayRun(server) ? DONE : missing("its port is not closed in the switch yet"),
    run: async (signal) => {
      try {
        await connector.fence(groupId, vnfcId, signal);
        return undefined;
      } catch (e) {
        if (e instanceof Fault && e.about.status === 404) return "done"; // A VIM without protections: its new life alone ends the old one.
        throw e;
      }
    },
    undo: nothingToUndo, // The port of a member that failed stays closed until a new life.
    leftToDo: "see why the VIM cannot close its port; stop its server by hand",
  };
}

/** One request: the VIM keeps the end of the old life and the start of the new one as one task, which outlives its own kill. */
function beginStep({ verb, from }: HealPlan, { connector, spec }: HealParts): Step<HealWorld> {
  const { id } = spec;
  const asks: Readonly<Record<HealVerb, (signal: AbortSignal) => Promise<void>>> = {
    create: (signal) => connector.ensureServers([spec], signal),
    start: (signal) => connector.startServer(id, signal),
    resume: (signal) => connector.resumeServer(id, signal),
    reboot: (signal) => connector.rebootServer(id, signal),
    rebuild: (signal) => connector.rebuildServer(id, signal),
    evacuate: (signal) => connector.evacuateServer(id, from as HostId, signal),
  };
  // An old life that is still shown must not be taken for the new one.
  const isNew = ({ server, port }: HealWorld, isAsked: boolean) => {
    if (server?.status !== "ACTIVE" || server.task != null || port?.fenced === true) return false;
    if (verb === "evacuate") return server.hostId !== from;
    return isAsked || (verb !== "reboot" && verb !== "rebuild");
  };
  return {
    name: `${verb} its server`,
    look: (world, askedForMs) => {
      if (isNew(world, askedForMs !== null)) return DONE;
      const { server } = world;
      const why = wordsOf(server);
      return isLate(server, askedForMs) ? failed(why) : missing(why);
    },
    run: async (signal) => {
      await asks[verb](signal);
      return undefined;
    },
    undo: nothingToUndo, // What it was is what is healed: there is nothing to return to.
    leftToDo: "see what the VIM says of its server",
  };
}

function answerStep({ verb }: HealPlan): Step<HealWorld> {
  return {
    name: "wait until it answers",
    look: ({ server, port, health }, askedForMs): Look => {
      if (health === null ? server?.status === "ACTIVE" : health.state === "up") return DONE;
      const why = health !== null && health.state !== "up" ? health.why : "its server does not run";
      if (port?.fenced === true) return failed(`its port was closed again, which only another life opens: ${why}`);
      if (verb !== "evacuate" && isHostLost(server)) return failed("its compute host does not answer any more");
      if (server?.status !== "ACTIVE" && isLate(server, askedForMs)) return failed(`it stopped again: ${wordsOf(server)}`);
      return (askedForMs ?? 0) >= ANSWERS_WITHIN_MS
        ? failed(`no answer within ${ANSWERS_WITHIN_MS / 1000} s: ${why}`)
        : missing(why);
    },
    run: async () => undefined,
    undo: nothingToUndo,
    leftToDo: "see its console",
  };
}

/** What was asked for would have come by now. */
export const isLate = (server: VimServer | undefined, askedForMs: number | null): boolean =>
  askedForMs !== null && askedForMs >= patienceMs(server);

/** A server that is being made takes its time; one that its VIM is at goes on, unless its host cannot be asked. */
function patienceMs(server: VimServer | undefined): number {
  if (server?.status === "CREATING") return ANSWERS_WITHIN_MS;
  return server?.task == null || isHostLost(server) ? RUNS_WITHIN_MS : TASK_WITHIN_MS;
}

function wordsOf(server: VimServer | undefined): string {
  const [doing, error] = [server?.task ? ` (${server.task} is under way)` : "", server?.lastError ? `: ${server.lastError}` : ""];
  return `the VIM has its server ${server?.status ?? "no more"}${doing}${error}`;
}

export const isHostLost = (server: VimServer | undefined): boolean =>
  server !== undefined && server.hostState !== null && server.hostState !== "up";

export const mayRun = (server: VimServer | undefined): boolean => server?.status === "ACTIVE" || server?.status === "PAUSED";
