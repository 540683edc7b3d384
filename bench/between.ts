import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "../src/lib/clock.ts";
import { Framer, TYPE } from "../src/wire/libvirt/frame.ts";
import { PROCEDURES } from "../src/wire/libvirt/protocol.ts";
import { JsonStream } from "../src/wire/ovsdb/json-stream.ts";

/** Something that was said, monotonic ms. */
export interface Word {
  readonly at: number;
  readonly what: string;
  /** How many answers the one who was asked owes from now on. */
  readonly owes: number;
}

/** Stands between a client and whom it asks, passes everything on, and remembers what was asked and answered when. */
export interface Between extends AsyncDisposable {
  readonly words: readonly Word[];
}

/** One connection, read along. */
interface Ear {
  asked(chunk: Buffer): void;
  answered(chunk: Buffer): void;
}

/** Listens at `path`, and passes everything on to the libvirtd at the socket `to`. */
export const standBeforeLibvirt = (path: string, to: string): Promise<Between> => standBetween(path, to, libvirtEar);
/** The same of an ovsdb-server. */
export const standBeforeOvsdb = (path: string, to: string): Promise<Between> => standBetween(path, to, ovsdbEar);

async function standBetween(path: string, to: string, earFor: (say: Say) => Ear): Promise<Between> {
  const words: Word[] = [];
  let owes = 0;
  const say: Say = (what, change) => {
    owes += change;
    words.push({ at: systemClock.now(), what, owes });
  };
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const asked = connect(to);
    const ear = earFor(say);
    client.on("data", (chunk: Buffer) => {
      ear.asked(chunk);
      asked.write(chunk);
    });
    asked.on("data", (chunk: Buffer) => {
      ear.answered(chunk);
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, asked],
      [asked, client],
    ] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    words,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `change`: of the answers that are owed. */
type Say = (what: string, change: number) => void;

const NAMES = new Map<number, string>(Object.entries(PROCEDURES).map(([name, { number }]) => [number, name]));

function libvirtEar(say: Say): Ear {
  const [calls, replies] = [new Framer(), new Framer()];
  const nameOf = (procedure: number) => NAMES.get(procedure) ?? String(procedure);
  return {
    asked: (chunk) => {
      for (const { header } of calls.push(chunk)) if (header.type === TYPE.call) say(nameOf(header.procedure), 1);
    },
    answered: (chunk) => {
      for (const { header } of replies.push(chunk)) {
        if (header.type === TYPE.reply) say(`${nameOf(header.procedure)} done`, -1);
        if (header.type === TYPE.message) say("event of libvirt", 0);
      }
    },
  };
}

function ovsdbEar(say: Say): Ear {
  const [calls, replies] = [new JsonStream(), new JsonStream()];
  const methodOf = (value: unknown) => (value as { method?: unknown }).method;
  return {
    asked: (chunk) => {
      for (const value of calls.push(chunk)) if (typeof methodOf(value) === "string") say(`ovsdb ${methodOf(value)}`, 1);
    },
    answered: (chunk) => {
      for (const value of replies.push(chunk))
        if (typeof methodOf(value) === "string") say(`ovsdb's ${methodOf(value)}`, 0);
        else say("ovsdb done", -1);
    },
  };
}
