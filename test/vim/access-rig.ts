import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { type DestinationStream, pino } from "pino";
import { Gate } from "../../src/api/gate.ts";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { TokenBook } from "../../src/api/token-book.ts";
import { mintToken } from "../../src/lib/bearer.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { NetId, TenantId } from "../../src/model/ids.ts";
import type { Role } from "../../src/model/token.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { insertToken, readTokens } from "../../src/store/tokens.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { Receiver } from "../harness/receiver.ts";

/** Ids of what belongs to one owner, by what stands in a path. */
export interface Things {
  readonly tenant: string;
  readonly net: string;
  readonly otherNet: string;
  readonly server: string;
  readonly port: string;
  readonly flavor: string;
  readonly image: string;
  readonly subscription: string;
}

export const OWNERS = ["alpha", "bravo", "shared", "hidden"] as const;
export type Owner = (typeof OWNERS)[number];

/** A VIM behind a gate, with things of two tenants, of everybody (shared), and of nobody but the administrator (hidden). */
export interface AccessRig extends AsyncDisposable {
  readonly vim: Vim;
  readonly ordinary: FastifyInstance;
  readonly administrators: FastifyInstance;
  readonly things: Readonly<Record<Owner, Things>>;
  readonly host: string;
  readonly protection: string;
  readonly receiver: Receiver;
  /** Every line of the log. */
  readonly log: string[];
  mint(role: Role, tenant: string | null, expiresAt?: string): Promise<string>;
  /** All rows but those of the journal, as one text. */
  state(): Promise<string>;
}

export async function startAccessRig(): Promise<AccessRig> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sempre-access-"));
  undo.defer(() => rmSync(dir, { recursive: true }));
  const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  undo.defer(() => db.destroy());
  const log: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void log.push(line) } satisfies DestinationStream);
  const vim = await Vim.open({ db, clock: systemClock, log: logger, vlanRange: { first: 3000, last: 3200 }, mode: "test" });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.flush();
  });
  undo.use(vim.subscriptions);
  const receiver = undo.use(await Receiver.start());

  const clock = systemClock;
  let version = 0; // An in-memory store has no other connection whose writes could be seen.
  const tokens = new TokenBook({ read: () => readTokens(db), version: () => version, clock });
  const gate = new Gate({ tokens, realm: "openvim", clock, log: logger });
  const serve = (isAdmin: boolean) =>
    undo.adopt(serveOpenvim(vim, isAdmin, { clock: systemClock, log: logger }, { gate }), (app) => app.close());
  const [ordinary, administrators] = [serve(false), serve(true)];

  const host = (await vim.inventory.createHost({ name: "hidden-host", ipName: "hidden-ip", user: "hidden-user", ...ROOM })).id;
  const owned = async (owner: Owner) => makeThings(vim, owner, { dir, callback: receiver.url });
  const things = {
    alpha: await owned("alpha"),
    bravo: await owned("bravo"),
    shared: await owned("shared"),
    hidden: await owned("hidden"),
  };
  const { server: serverId, net: dataNet } = things.alpha;
  const members = [{ id: "hidden-m", name: "hidden-m", serverId, dataNet }] as never;
  const armed = {
    id: "hidden-p",
    name: "hidden-p",
    revision: 1,
    holdOffMs: 0,
    members,
    plans: [],
    probe: null,
    guestHeartbeat: null,
    traffic: null,
  };
  const { id: protection } = await vim.protections.arm(armed as never);

  const ends = undo.move();
  return {
    vim,
    ordinary,
    administrators,
    things,
    host,
    protection,
    receiver,
    log,
    mint: async (role, tenantId, expiresAt) => {
      const { text, id, hash } = mintToken();
      const createdAt = clock.wall().toISOString();
      await insertToken(db, {
        id,
        name: `${role}`,
        role,
        tenantId,
        hash,
        createdAt,
        expiresAt: expiresAt ?? null,
        revokedAt: null,
      });
      version++;
      return text;
    },
    state: async () => {
      await vim.picture.settled();
      return stateOf(db);
    },
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

const ROOM = {
  numas: [
    {
      numaSocket: 0,
      hugepagesGiB: 0,
      memoryGiB: 64,
      adminUp: true,
      cores: Array.from({ length: 32 }, (_, n) => ({ coreId: n, threadId: n, status: "noteligible" })),
      interfaces: [],
    },
  ],
};

/** Of a tenant its own; shared and hidden ones are nobody's: nets without a tenant, flavors and images that are public or linked to none. */
async function makeThings(vim: Vim, owner: Owner, { dir, callback }: { dir: string; callback: string }): Promise<Things> {
  const isTenant = owner === "alpha" || owner === "bravo";
  const tenantId = (await vim.catalogue.createTenant({ name: `${owner}-tenant` })).id;
  const tenants = isTenant ? [tenantId] : [];
  const isPublic = owner === "shared";
  const path = join(dir, `${owner}.img`);
  writeFileSync(path, owner);
  const flavor = (await vim.catalogue.createFlavor({ name: `${owner}-flavor`, memoryMiB: 64, vcpus: 1, tenants, isPublic })).id;
  const image = (await vim.catalogue.createImage({ name: `${owner}-image`, path, tenants, isPublic })).id;
  const netOf = (name: string) =>
    vim.nets.createNet({ name, kind: "data", shared: isPublic, ...(isTenant && { tenantId }) }).then((n) => n.id);
  const [net, otherNet] = [await netOf(`${owner}-net`), await netOf(`${owner}-other-net`)];
  const server = await vim.servers.createServer({
    ...{ name: `${owner}-server`, tenantId, flavorId: flavor, imageId: image, start: "no" },
    vnics: [{ netId: net, name: `${owner}-vnic` }],
  } as never);
  const port = vim.picture.portsOf(server.id)[0]!.id;
  const filter = { types: null, tenantId: null, objectIds: null };
  const subscribed = await vim.subscriptions.create({
    owner: isTenant ? tenantId : null,
    callback: { url: `${callback}/${owner}`, auth: null, tls: null },
    filter,
    since: null,
  });
  return {
    tenant: tenantId,
    net,
    otherNet,
    server: server.id,
    port,
    flavor,
    image,
    subscription: subscribed.id,
  } satisfies Record<keyof Things, TenantId | NetId | string>;
}

const UNTOLD = new Set(["events", "meta", "migration", "tokens"]);

async function stateOf(db: Store<VimDb>): Promise<string> {
  const tables = (await db.introspection.getTables()).map((t) => t.name).filter((name) => !UNTOLD.has(name));
  const rows = await Promise.all(
    tables.map((t) =>
      db
        .selectFrom(t as "nets")
        .selectAll()
        .execute(),
    ),
  );
  const told = rows.map((all) => all.map((row) => ("cursor" in row ? { ...row, cursor: 0 } : row)));
  return JSON.stringify(Object.fromEntries(tables.map((t, i) => [t, told[i]])));
}
