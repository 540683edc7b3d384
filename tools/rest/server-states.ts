import type { Difference } from "./compare.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { parsed } from "./listed.ts";
import { isUuid } from "./tokens.ts";

/** What the recording has last shown of each server, and whether something was asked of it since: how soon it follows nobody promises. */
export class ServerStates {
  readonly #last = new Map<string, string>();
  readonly #asked = new Set<string>();

  seen({ method, path, response }: Exchange): void {
    const acted = /\/servers\/([0-9a-f-]{36})\/action$/.exec(path)?.[1];
    if (method === "POST" && acted !== undefined) this.#asked.add(acted);
    for (const { id, status } of serversIn(response)) {
      this.#last.set(id, status);
      this.#asked.delete(id);
    }
  }

  /** The recorded server had not yet done what was asked of it. */
  isBehind(id: string, status: string): boolean {
    return status === "CREATING" || status === "BUILD" || (this.#asked.has(id) && this.#last.get(id) === status);
  }
}

interface Shown {
  readonly id: string;
  readonly status: string;
}

function serversIn(response: unknown): Shown[] {
  const { server, servers } = (response ?? {}) as { server?: Shown; servers?: Shown[] };
  return [...(server ? [server] : []), ...(Array.isArray(servers) ? servers : [])].filter((s) => isUuid(s.id));
}

/** A status in which the original was slower than ours, which is no difference of the two. */
export function isLagging({ at }: Difference, e: Exchange, answer: Answer, states: ServerStates): boolean {
  const index = /^servers?\.(?:(\d+)\.)?status$/.exec(at);
  if (index === null || answer.status !== 200) return false;
  const recorded = serversIn(e.response)[Number(index[1] ?? 0)];
  return recorded !== undefined && states.isBehind(recorded.id, recorded.status) && typeof parsed(answer.text) === "object";
}
