import type { VnfcId } from "../model/ids.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import type { Owners } from "./owners.ts";
import type { Deployment } from "./plan.ts";

/** NS ids are UUIDs, and ids of their groups begin with them. */
const UUID_LENGTH = 36;

interface ScopeParts {
  readonly owners: Pick<Owners, "of">;
  readonly lifecycle: { vnfcOf(id: VnfcId): { readonly deployment: Deployment } | undefined };
}

/** What one tenant sees and touches. `tenant` null: who is of none, and sees and touches everything. */
export class Scope {
  readonly tenant: string | null;
  readonly #parts: ScopeParts;

  constructor(parts: ScopeParts, tenant: string | null) {
    this.#parts = parts;
    this.tenant = tenant;
  }

  /** It is theirs: a network service with all that is of it, or a package that they may change. */
  owns(id: string): boolean {
    return this.tenant === null || this.#parts.owners.of(id) === this.tenant;
  }

  /** A package, a descriptor or a VIM account: theirs, or nobody's in particular, which is for all to use. */
  sees(id: string): boolean {
    return this.tenant === null || this.#parts.owners.of(id) === null || this.owns(id);
  }

  /** Whether they may be told of it. */
  hears(event: ManoEvent): boolean {
    return this.tenant === null || this.#isTold(event);
  }

  #isTold(event: ManoEvent): boolean {
    switch (event.type) {
      case "mano.started":
      case "events.lost":
        return true;
      case "vim.connected":
      case "vim.lost":
        return this.sees(event.vimAccountId);
      case "incident": // It is about members of several tenants.
      case "pm.report": // Who has the job or the threshold is told at its callback, and nobody else.
      case "pm.crossed":
        return false;
      case "api.changed":
      case "api.refused":
        return event.tenantId === this.tenant;
      case "package.changed":
      case "nsd.changed":
      case "pnfd.changed":
        return this.sees(event.id);
      case "ns.occurrence":
      case "vnf.occurrence":
        return this.owns(event.occurrence.nsId);
      case "failover":
        return this.owns(event.failover.nsId);
      case "alarm.raised":
      case "alarm.changed":
      case "alarm.cleared":
        return event.alarm.place !== undefined && this.owns(event.alarm.place.nsId);
      case "vnfc.status":
      case "health.changed":
      case "heal.started":
      case "heal.ended":
        return this.#ownsVnfc(event.vnfcId);
      case "decision.made":
      case "protection.command":
      case "protection.armed":
      case "net.unprotected":
      case "spare.woken":
      case "spare.rests":
      case "spare.answered":
        return this.owns(event.groupId.slice(0, UUID_LENGTH));
      default:
        return this.owns(event.nsId);
    }
  }

  #ownsVnfc(id: VnfcId): boolean {
    const found = this.#parts.lifecycle.vnfcOf(id);
    return found !== undefined && this.owns(found.deployment.ns.id);
  }
}
