import { Mistake, type Numbered } from "../recording.ts";
import type { Exchange, Send } from "./exchange.ts";
import { isUuid, uuidsIn } from "./tokens.ts";

// Behind OpenMANO there is a VIM, whose tenants its recording takes for granted.

export interface VimAddresses {
  readonly url: string;
  readonly admin: string;
}

/** What is ready in the VIM before the first exchange. */
export interface VimBehind {
  /** What the recording has, and what stands for it here: addresses, and ids of the VIM's tenants. */
  readonly known: readonly (readonly [recorded: string, ours: string])[];
  /** Ids that were there before. */
  readonly before: readonly string[];
}

/** Room for the servers of a recording, in a VIM that has none. */
const HOST = {
  ...{ name: "replay", user: "u", ip_name: "replay" },
  numas: [
    {
      numa_socket: 0,
      memory: 64,
      hugepages: 0,
      cores: Array.from({ length: 64 }, (_, i) => ({ core_id: i, thread_id: i, status: "noteligible" })),
      interfaces: [],
    },
  ],
};

export const NO_VIM: VimBehind = { known: [], before: [] };

/** The addresses of the VIM in the recording; null: it speaks of none. */
export function recordedVim(exchanges: readonly Numbered<Exchange>[]): VimAddresses | null {
  for (const { value: e } of exchanges) {
    const { vim_url: url, vim_url_admin: admin } = datacenterIn(e) ?? {};
    if (typeof url === "string") return { url, admin: typeof admin === "string" ? admin : url };
  }
  return null;
}

const datacenterIn = ({ request }: Exchange): Record<string, unknown> | undefined =>
  (request as { datacenter?: Record<string, unknown> } | null)?.datacenter;

/**
 * Makes the tenants that the recording attaches to, under the ids they have there. `isAsked`: a VIM that does not answer is a mistake, else
 * it is as if there was none.
 */
export async function readyVim(
  exchanges: readonly Numbered<Exchange>[],
  at: VimAddresses,
  isAsked: boolean,
  sendTo: (at: VimAddresses) => Send,
): Promise<VimBehind> {
  const recorded = recordedVim(exchanges);
  if (recorded === null) return NO_VIM;
  const tenants = [...new Set(exchanges.flatMap(({ value }) => datacenterIn(value)?.vim_tenant ?? []))].filter(isUuid);
  const known = [[recorded.url, at.url] as const, [recorded.admin, at.admin] as const, ...tenants.map((t) => [t, t] as const)];
  const send = sendTo(at);
  const ask = (method: "GET" | "POST", path: string, body: string | null) =>
    send({ method, path, admin: true, contentType: body === null ? null : "application/json", accept: null, body });
  try {
    const lists = [await ask("GET", "/tenants?limit=1000000", null), await ask("GET", "/networks?limit=1000000", null)];
    const before = lists.flatMap((l) => uuidsIn(l.text)).filter((id) => !tenants.includes(id));
    const hosts = await ask("GET", "/hosts?limit=1", null);
    if (hosts.status === 200 && uuidsIn(hosts.text).length === 0) await ask("POST", "/hosts", JSON.stringify({ host: HOST }));
    for (const id of tenants) await ask("POST", "/tenants", JSON.stringify({ tenant: { id, name: nameOf(id, exchanges) } }));
    return { known, before };
  } catch (e) {
    if (isAsked || !(e instanceof Mistake)) throw e;
    return { known, before: [] };
  }
}

/** As some answer of the recording shows it. */
function nameOf(id: string, exchanges: readonly Numbered<Exchange>[]): string {
  for (const { value } of exchanges) {
    const { tenants } = (value.response ?? {}) as { tenants?: { id?: unknown; name?: unknown }[] };
    const found = Array.isArray(tenants) ? tenants.find((t) => t.id === id) : undefined;
    if (typeof found?.name === "string") return found.name;
  }
  return `vim-${id.slice(0, 8)}`;
}
