import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { listenHttp } from "../../src/api/http.ts";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { simulateHosts } from "../../src/compose/vim-test-mode.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import type { Chance } from "../../test/chaos/chance.ts";
import { type Holder, Holders } from "./holders.ts";
import type { Answer } from "./judge.ts";
import type { Fuzzed } from "./requests.ts";

/** A VIM in test mode, served on its two ports. */
export interface FuzzRig extends AsyncDisposable {
  readonly vim: Vim;
  readonly db: Store<VimDb>;
  /** Null: the ports are open. */
  readonly holders: Holders | null;
  /** Resolves with what was answered; with status 599 where nothing was. */
  send(asked: Fuzzed, holder: Holder | null): Promise<Answer>;
}

export const VLANS = { first: 3_000, last: 4_094 } as const;
const SOCKETS_MAX = 64;
const MIGRATIONS = join(import.meta.dirname, "../../sql/vim");

/** `holdersChance`: by whose chance those who ask are chosen; null: nobody is asked who he is. */
export async function startFuzzRig(holdersChance: Chance | null): Promise<FuzzRig> {
  await using undo = new AsyncDisposableStack();
  const db = undo.adopt(await openStore<VimDb>({ path: ":memory:", migrationsDir: MIGRATIONS }), (d) => d.destroy());
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: VLANS, mode: "test" });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.flush();
  });
  undo.use(vim.subscriptions);
  undo.use(vim.protections);
  undo.use(simulateHosts(vim, 60_000, { clock: systemClock, log: silent }));
  const holders = holdersChance && new Holders(vim, db, holdersChance);
  const serve = async (isAdmin: boolean): Promise<number> => {
    const guarded = holders === null ? {} : { gate: holders.gate };
    const app: FastifyInstance = undo.adopt(serveOpenvim(vim, isAdmin, { clock: systemClock, log: silent }, guarded), (a) =>
      a.close(),
    );
    return listenHttp(app, { host: "127.0.0.1", port: 0, setting: "-" });
  };
  const ports = [await serve(false), await serve(true)] as const;
  const agent = undo.adopt(new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX }), (a) => a.destroy());
  const ends = undo.move();
  return {
    ...{ vim, db, holders },
    send: (asked, holder) => send(asked, holder?.headers ?? {}, { port: ports[asked.admin ? 1 : 0], agent }),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

async function send(
  { method, url, headers, body }: Fuzzed,
  shown: Holder["headers"],
  { port, agent }: { readonly port: number; readonly agent: Agent },
): Promise<Answer> {
  const length = body === null ? {} : { "content-length": Buffer.byteLength(body) };
  const req = request({ host: "127.0.0.1", port, method, path: url, headers: { ...headers, ...shown, ...length }, agent });
  req.end(body ?? undefined);
  const reply = await once(req, "response").then(
    ([r]) => r as IncomingMessage,
    (e: Error) => e,
  );
  if (reply instanceof Error) return { status: 599, type: "", text: `no answer: ${reply.message}` };
  let text = "";
  for await (const chunk of reply.setEncoding("utf8")) text += chunk;
  return { status: reply.statusCode!, type: reply.headers["content-type"] ?? "", text };
}
