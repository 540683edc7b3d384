import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "../src/lib/clock.ts";
import { Framer, TYPE } from "../src/wire/libvirt/frame.ts";

/** Stands between a client of libvirt and libvirtd, and knows when libvirtd owed an answer. */
export interface LibvirtBetween extends AsyncDisposable {
  /** How long libvirtd owed at least one answer, of what lies between two moments (monotonic ms). */
  owedMs(from: number, to: number): number;
}

/** Listens at `path`, and passes everything on to the socket `to`. */
export async function standBetween(path: string, to: string): Promise<LibvirtBetween> {
  const owed = new Owed();
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const libvirtd = connect(to);
    const [calls, replies] = [new Framer(), new Framer()];
    client.on("data", (chunk: Buffer) => {
      for (const { header } of calls.push(chunk)) if (header.type === TYPE.call) owed.began();
      libvirtd.write(chunk);
    });
    libvirtd.on("data", (chunk: Buffer) => {
      for (const { header } of replies.push(chunk)) if (header.type === TYPE.reply) owed.ended();
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, libvirtd],
      [libvirtd, client],
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
    owedMs: (from, until) => owed.within(from, until),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Owed {
  readonly #spans: { readonly from: number; to: number }[] = [];
  #count = 0;

  began(): void {
    if (this.#count++ === 0) this.#spans.push({ from: systemClock.now(), to: Number.POSITIVE_INFINITY });
  }

  ended(): void {
    if (--this.#count === 0) this.#spans.at(-1)!.to = systemClock.now();
  }

  within(from: number, to: number): number {
    return this.#spans.reduce((sum, s) => sum + Math.max(0, Math.min(s.to, to) - Math.max(s.from, from)), 0);
  }
}
