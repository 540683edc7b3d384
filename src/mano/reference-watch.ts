import { redirectByReference } from "../act/binds.ts";
import { decide } from "../decide/decide.ts";
import type { Clock } from "../lib/clock.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Move } from "../model/protection.ts";
import type { Bound, Inventory, VimConnector } from "../vimconn/connector.ts";
import { portsOfServer } from "../vimconn/inventory-index.ts";
import type { FailoverBook } from "./failover-book.ts";
import type { Guard } from "./guard.ts";
import type { Lifecycle } from "./lifecycle.ts";

/** The dissertation's states of a VM that has failed (4.3, step 3). */
const FAILED: ReadonlySet<Vnfc["status"]> = new Set(["INACTIVE", "ERROR", "PAUSED"]);

/**
 * The callback of the dissertation (4.3, `_callback_vm_event`): what a change of status seen by polling led to. Kept as the
 * reference mode that benchmarks compare with; the group is decided as ever after it, and finds nothing left to move.
 */
export class ReferenceWatch {
  readonly #clock: Clock;
  readonly #lifecycle: Lifecycle;
  readonly #book: FailoverBook;

  constructor(clock: Clock, lifecycle: Lifecycle, book: FailoverBook) {
    this.#clock = clock;
    this.#lifecycle = lifecycle;
    this.#book = book;
  }

  /** Compares status with previous_status for each member, and redirects the traffic of those that failed in between. */
  async afterPoll(guard: Guard, connector: VimConnector, seen: Inventory, signal: AbortSignal): Promise<void> {
    const told = this.#clock.now();
    guard.judgeAll(told);
    for (const { member } of guard.members) {
      const vnfc = this.#lifecycle.vnfcOf(member.vnfcId)?.vnfc;
      if (!vnfc) continue;
      const isNew = vnfc.previousStatus !== vnfc.status;
      if (isNew && vnfc.highAvailability !== null && FAILED.has(vnfc.status))
        await this.#redirect(guard, vnfc, connector, seen, told, signal);
      this.#lifecycle.settleStatus(vnfc.id);
    }
  }

  async #redirect(
    guard: Guard,
    vnfc: Vnfc,
    connector: VimConnector,
    seen: Inventory,
    told: number,
    signal: AbortSignal,
  ): Promise<void> {
    if (guard.group.scheme === "DUPLICATED") return; // The twin serves already.
    const twin = vnfc.replicated === null ? undefined : this.#lifecycle.vnfcOf(vnfc.replicated)?.vnfc;
    const [failedNet, twinNet] = [vnfc, twin].map(
      (v) => v && portsOfServer(seen, v.vimServerId).find((p) => p.name === v.serviceInterface)?.netId,
    );
    // The text's rule, which its listing lacks: traffic is never led to a twin that has failed as well.
    if (!twin || !failedNet || !twinNet || guard.view.health.get(twin.id)?.state !== "up") return;
    const decision = decide(guard.group, guard.view, guard.command, this.#clock.now());
    const decided = this.#clock.now();
    const bound = (trafficNet: Move["trafficNet"], to: Bound) => {
      const move: Move = { trafficNet, from: vnfc.id, to: twin.id, kind: "failover" };
      guard.moveStarted(trafficNet, twin.id);
      guard.moveEnded(trafficNet, this.#clock.now());
      this.#book.record(guard, decision, [{ move, done: Promise.resolve(to) }], "poll", { told, decided });
    };
    await redirectByReference(connector, failedNet, twinNet, bound, signal);
  }
}
