import { Fault } from "../../src/lib/fault.ts";
import type { Chance } from "./chance.ts";
import type { Guest } from "./fake-host.ts";
import type { Invariants } from "./invariants.ts";
import type { Life } from "./sim-clock.ts";
import { DiskFull, type SimDisk } from "./sim-store.ts";
import type { System } from "./system.ts";

/** What can go wrong, each with its share among all faults. Each one ends by itself, or is for the system to mend. */
const SHARES = {
  kill: 8,
  pause: 4,
  hang: 4,
  link: 4,
  flap: 2,
  bothTwins: 2,
  bothHang: 2,
  hostAway: 3,
  hostDown: 2,
  switchCut: 3,
  switchRestart: 2,
  switchSlow: 2,
  switchRefuses: 2,
  framesLost: 2,
  wireSilent: 3,
  wireSlow: 2,
  wireRepeats: 2,
  streamCut: 3,
  killVim: 4,
  killMano: 4,
  killVimAtStep: 4,
  killManoAtStep: 4,
  killBoth: 2,
  stallVim: 2,
  stallMano: 2,
  storeVim: 2,
  storeMano: 2,
  wallJump: 1,
  tellLate: 2,
  tellTwice: 2,
  tellNotAll: 2,
  command: 3,
} as const;

export type FaultName = keyof typeof SHARES;
const NAMES = Object.keys(SHARES) as FaultName[];
const ALL = NAMES.flatMap((name) => Array<FaultName>(SHARES[name]).fill(name));

/** For debugging: only these. */
const only = process.env.CHAOS_ONLY?.split(",") as FaultName[] | undefined;

export interface Planned {
  readonly fault: FaultName;
  readonly atMs: number;
}

/** One fault, some, or a storm of twenty within a second. */
export function planOf(chance: Chance): Planned[] {
  const isStorm = chance.is(0.05);
  const count = isStorm ? 20 : chance.one([1, 1, 1, 2, 2, 3, 4]);
  const spanMs = isStorm ? 1_000 : chance.one([20, 500, 4_000, 8_000]);
  const faults = only ?? ALL;
  return Array.from({ length: count }, () => ({ fault: chance.one(faults), atMs: chance.between(0, spanMs) })).sort(
    (a, b) => a.atMs - b.atMs,
  );
}

/** What a fault has at hand. `at` and `later`: what ends it; the system is not quiet before. */
interface Stage {
  readonly system: System;
  readonly invariants: Invariants;
  readonly chance: Chance;
  guest(): Guest;
  at(ms: number, end: () => void): void;
  later(low: number, high: number, end: () => void): void;
}

/** Lets a fault happen now. */
export function strike(fault: FaultName, system: System, invariants: Invariants, chance: Chance): void {
  const at = (ms: number, end: () => void): void => {
    system.faultsOpen++;
    system.sim.after(ms, () => {
      system.faultsOpen--;
      end();
    });
  };
  system.note(`FAULT ${fault}`);
  STRIKES[fault]({
    system,
    invariants,
    chance,
    guest: () => chance.one([...system.host.guests.values()]),
    at,
    later: (low, high, end) => at(chance.between(low, high), end),
  });
}

const STRIKES: Readonly<Record<FaultName, (it: Stage) => void>> = {
  kill: ({ system, guest }) => system.host.stop(guest(), "killed"),
  pause: ({ system, guest }) => system.host.pause(guest()),
  hang: hangOne,
  link: ({ system: { host }, guest, later }) => {
    const g = guest();
    host.cable(g, true);
    later(5, 6_000, () => host.cable(g, false));
  },
  flap: ({ system: { host }, chance, guest, at }) => {
    const g = guest();
    for (let i = 0, ms = 0; i < 10; i++, ms += chance.between(2, 400)) at(ms, () => host.cable(g, i % 2 === 0));
  },
  bothTwins: ({ system: { host }, later }) => {
    for (const g of host.guests.values()) later(0, 30, () => host.stop(g, "killed with its twin"));
  },
  bothHang: ({ system: { host, variant }, later, at }) => {
    for (const g of host.guests.values()) {
      const { life } = g;
      later(0, 30, () => host.hang(g, true));
      if (!variant.isProbed) at(4_000, () => g.life === life && host.hang(g, false));
    }
  },
  hostAway: ({ system: { host }, later }) => {
    host.away(true);
    later(100, 6_000, () => host.away(false));
  },
  hostDown: ({ system: { host }, later }) => {
    host.loses();
    later(500, 8_000, () => host.away(false));
  },
  switchCut: ({ system }) => system.cutSwitch("cut"),
  switchRestart: ({ system }) => system.cutSwitch("restart"),
  switchSlow: ({ system: { fabric }, chance, later }) => {
    fabric.slowMs = chance.between(5, 300);
    later(500, 4_000, () => {
      fabric.slowMs = 0;
    });
  },
  switchRefuses: ({ system: { fabric }, chance, later }) => {
    fabric.refusals = chance.whole(1, 3);
    later(3_000, 6_000, () => {
      fabric.refusals = 0;
    });
  },
  framesLost: ({ system: { fabric }, invariants, chance, later }) => {
    fabric.loss = chance.between(0.05, 0.6);
    later(500, 4_000, () => {
      fabric.loss = 0;
    });
    invariants.mayBeMistaken(); // Who answers and is not heard is silent for all that anybody can know.
  },
  wireSilent: ({ system: { wire }, later }) => {
    wire.isSilent = true;
    later(200, 9_000, () => {
      wire.isSilent = false;
    });
  },
  wireSlow: ({ system: { wire }, chance, later }) => {
    wire.slowMs = chance.between(5, 800);
    later(500, 4_000, () => {
      wire.slowMs = 0;
    });
  },
  wireRepeats: ({ system: { wire }, later }) => {
    wire.repeats = 0.7;
    later(1_000, 6_000, () => {
      wire.repeats = 0;
    });
  },
  streamCut: ({ system }) => {
    for (const cut of [...system.wire.streams]) cut("cut");
  },
  killVim: ({ system }) => system.killVim(),
  killMano: ({ system }) => system.killMano(),
  killVimAtStep: ({ system, chance }) => system.vimLife?.life.crashIn(chance.whole(1, 40), () => system.killVim()),
  killManoAtStep: ({ system, chance }) => system.manoLife?.life.crashIn(chance.whole(1, 40), () => system.killMano()),
  killBoth: ({ system }) => {
    system.killVim();
    system.killMano();
  },
  storeVim: ({ system, chance, later }) => failDisk(system, system.disks.vim, chance, later),
  storeMano: ({ system, chance, later }) => failDisk(system, system.disks.mano, chance, later),
  stallVim: ({ system, chance, at }) => stall(system.vimLife?.life, chance, at),
  stallMano: ({ system, chance, at }) => stall(system.manoLife?.life, chance, at),
  wallJump: ({ system, chance }) => system.sim.jumpWall(chance.between(-86_400_000, 86_400_000)),
  tellLate: ({ system: { host }, chance, later }) => {
    host.telling.lateFactor = chance.between(2, 20);
    later(2_000, 5_000, () => {
      host.telling.lateFactor = 1;
    });
  },
  tellTwice: ({ system: { host }, later }) => {
    host.telling.twice = 0.8;
    later(3_000, 8_000, () => {
      host.telling.twice = 0;
    });
  },
  tellNotAll: ({ system: { host }, later }) => {
    host.telling.lost = 0.7;
    later(3_000, 8_000, () => {
      host.telling.lost = 0;
    });
  },
  command: ({ system, invariants, chance, at }) => command(system, invariants, chance, at),
};

/** From what a busy host does to a process up to what is taken for its death. */
function stall(life: Life | undefined, chance: Chance, at: Stage["at"]): void {
  const ms = chance.one([chance.between(5, 100), chance.between(100, 1_000), chance.between(1_000, 6_000)]);
  life?.stand(ms);
  at(ms, () => {});
}

/** A disk that is full, for one write or for a while; or it hangs. Which of them follows from the moment too: no other chance is drawn for it. */
function failDisk(system: System, disk: SimDisk, chance: Chance, later: Stage["later"]): void {
  const isBrief = chance.is(0.5);
  if (Math.floor(system.sim.now()) % 2 === 0) {
    system.note("its disk hangs");
    later(200, 6_000, disk.hang());
    return;
  }
  disk.refusals = isBrief ? 1 : Number.POSITIVE_INFINITY;
  later(200, 6_000, () => {
    disk.refusals = 0;
  });
}

/** Without a probe nothing finds a hang: so it ends by itself. All members may hang at once. */
function hangOne({ system: { host, variant }, chance, guest, later }: Stage): void {
  const g = guest();
  const { life } = g;
  host.hang(g, true);
  if (!variant.isProbed || chance.is(0.5)) later(20, 4_000, () => g.life === life && host.hang(g, false));
}

/** An operator gives a command, and clears it a while later. */
function command(system: System, invariants: Invariants, chance: Chance, at: (ms: number, end: () => void) => void): void {
  invariants.isCommanded = true;
  const id = chance.one(system.guards)?.group.id;
  const give = (kind: string, to: string | null) => {
    const { guards, manoLife } = system;
    const guard = guards.find((g) => g.group.id === id);
    if (guard === undefined || !manoLife?.nfvo) return;
    const mine = Symbol(kind);
    system.ackedLock = null;
    system.lastAsked = mine;
    system.note(`an operator asks for ${kind} ${to ?? ""}`);
    const wish = { kind, to, trafficNets: null, dryRun: false } as Parameters<typeof manoLife.nfvo.commands.give>[1];
    manoLife.nfvo.commands.give(guard.group.id, wish, "chaos").then(
      () => {
        system.note(`${kind} was taken`);
        if (system.lastAsked === mine && (kind === "force" || kind === "lockout"))
          system.ackedLock = { kind, groupId: guard.group.id };
      },
      (e: unknown) =>
        e instanceof Fault || e instanceof DiskFull
          ? system.note(`${kind} was refused: ${e.message}`)
          : system.bug(`command ${kind}`, e),
    );
  };
  const kind = chance.one(["lockout", "force", "manual", "exercise"] as const);
  const to =
    kind === "force" || kind === "manual"
      ? chance.one(system.guards.find((g) => g.group.id === id)?.members ?? [])?.member.name
      : undefined;
  give(kind, to ?? null);
  for (const ms of [6_000, 14_000, 20_000]) at(ms + chance.between(0, 2_000), () => give("clear", null));
}
