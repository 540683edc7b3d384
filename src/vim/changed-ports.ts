import type { Clock } from "../lib/clock.ts";
import { RECORD_DELAY_MS } from "./picture.ts";

/**
 * Ports that a switch gained or lost and that are not followed yet. They are followed a moment later and together: ports come and go many at
 * a time, and evidence that came with them is acted on first.
 */
export class ChangedPorts {
  readonly #clock: Clock;
  readonly #follow: (ports: readonly string[]) => void;
  /** True: lost. */
  readonly #ports = new Map<string, boolean>();
  #following: Promise<void> | null = null;

  constructor(clock: Clock, follow: (ports: readonly string[]) => void) {
    this.#clock = clock;
    this.#follow = follow;
  }

  /** Whether it was lost and is to be followed yet. */
  isLost(name: string): boolean {
    return this.#ports.get(name) ?? false;
  }

  add(name: string, isLost: boolean): void {
    this.#ports.set(name, isLost);
    this.#following ??= this.#clock.sleep(RECORD_DELAY_MS).then(() => {
      this.#following = null;
      const changed = [...this.#ports.keys()];
      this.#ports.clear();
      this.#follow(changed);
    });
  }
}
