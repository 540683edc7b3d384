import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { serveOpenvim } from "../../../src/api/openvim/serve.ts";
import { openControllers } from "../../../src/compose/vim-controllers.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { silent } from "../../../src/lib/log.ts";
import { Seal } from "../../../src/lib/seal.ts";
import { openStore } from "../../../src/store/open.ts";
import type { VimDb } from "../../../src/store/vim-schema.ts";
import { Vim } from "../../../src/vim/vim.ts";

const EVERY_MS = 30_000;

export type Ask = (
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: object,
  // biome-ignore lint/suspicious/noExplicitAny: as it came.
) => Promise<{ status: number; body: any }>;

export interface Life extends AsyncDisposable {
  readonly vim: Vim;
  readonly ask: Ask;
}

/** A VIM without hosts and without a switch of its own, which speaks to controllers. `clock`: theirs. */
export async function startControllersVim(store: string, clock: Clock): Promise<Life> {
  await using undo = new AsyncDisposableStack();
  const db = undo.adopt(
    await openStore<VimDb>({ path: store, migrationsDir: join(import.meta.dirname, "../../../sql/vim") }),
    (d) => d.destroy(),
  );
  const seal = Seal.open(`${store}.key`);
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 4094 }, seal });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.flush();
  });
  undo.use(vim.protections);
  undo.use(openControllers(vim, EVERY_MS, { clock, log: silent }));
  const app = undo.adopt<FastifyInstance>(serveOpenvim(vim, true, { clock: systemClock, log: silent }), (a) => a.close());
  const ask: Ask = async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const payload = body === undefined ? {} : { payload: JSON.stringify(body), headers };
    const reply = await app.inject({ method, url: `/openvim${path}`, ...payload });
    return { status: reply.statusCode, body: reply.json() };
  };
  const ends = undo.move();
  return { vim, ask, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

/** Its id. Throws what the API said where it was not made. */
export async function made(ask: Ask, path: string, kind: string, value: object): Promise<string> {
  const reply = await ask("POST", path, { [kind]: value });
  if (reply.status !== 200) throw new Error(JSON.stringify(reply.body));
  return reply.body[kind].id;
}
