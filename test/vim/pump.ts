import type { Ovs } from "../harness/ovs.ts";

const EVERY_MS = 40;
/** Of a stream, each time. */
const MANY = 20;
const FRAME_BYTES = 60;
/** Local Experimental EtherType 1 (IEEE 802, 9.2.3). */
const ETHER_TYPE = "88b5";

/** A frame as hexadecimal text. */
export const frameTo = (to: string, from: string): string =>
  `${to}${from}`
    .replaceAll(":", "")
    .concat(ETHER_TYPE)
    .padEnd(2 * FRAME_BYTES, "0");

export interface Stream {
  readonly frame: string;
  readonly packets: number;
}
export const stream = (frame: string): Stream => ({ frame, packets: MANY });

/** Packets that come in at ports of a switch with a dummy datapath, as from what is behind them. */
export class Pump {
  readonly #ovs: Ovs;
  #streams: Readonly<Record<string, Stream>> = {};
  #round = 0;
  #isOver = false;
  #running: Promise<void> | null = null;

  constructor(ovs: Ovs) {
    this.#ovs = ovs;
  }

  /** From now on these frames come in at these ports, and no others. */
  flow(streams: Readonly<Record<string, Stream>>): void {
    this.#streams = streams;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing of an earlier flow is on its way any more. */
  async turned(): Promise<void> {
    const round = this.#round;
    while (this.#round < round + 1) await new Promise((r) => setTimeout(r, EVERY_MS));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.#round++;
      const streams = Object.entries(this.#streams);
      for (const [port, { frame, packets }] of streams)
        await this.#ovs.appctl("netdev-dummy/receive", port, ...new Array<string>(packets).fill(frame));
      await new Promise((r) => setTimeout(r, EVERY_MS));
    }
  }
}
