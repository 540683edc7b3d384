import { join } from "node:path";
import { openDoorway } from "./api/doorway.ts";
import { listenHttp, shareServer } from "./api/http.ts";
import { serveMano } from "./api/mano/serve.ts";
import { OPENMANO_PATH, serveOpenmano } from "./api/openmano/serve.ts";
import { manoDoors } from "./compose/mano-doors.ts";
import { vimOf } from "./compose/mano-lcm.ts";
import { openSubscriptions } from "./compose/mano-notify.ts";
import { imageHandoutOf, onboardingOf } from "./compose/mano-onboarding.ts";
import { openmanoOf } from "./compose/mano-openmano.ts";
import { openPerformance } from "./compose/mano-pm.ts";
import { openSnapshots } from "./compose/mano-snapshots.ts";
import { solRoutes } from "./compose/mano-sol.ts";
import type { ManoConfig } from "./config.ts";
import type { Clock } from "./lib/clock.ts";
import { Fault } from "./lib/fault.ts";
import type { Log } from "./lib/log.ts";
import { Seal } from "./lib/seal.ts";
import { VERSION } from "./lib/version.ts";
import { Nfvo } from "./mano/nfvo.ts";
import { Operations } from "./mano/operations.ts";
import { Provisioning } from "./mano/provisioning.ts";
import { Requests } from "./mano/requests.ts";
import { Retention, type RetentionParts } from "./mano/retention.ts";
import { Scope } from "./mano/scope.ts";
import { SoleVnfs } from "./mano/sole-vnfs.ts";
import type { VimAccountId } from "./model/ids.ts";
import type { VimAccount } from "./model/ns.ts";
import { readVimAccounts, upsertVimAccount } from "./store/mano-catalogue.ts";
import { readOmTenants } from "./store/mano-openmano.ts";
import type { ManoStore, ManoTables } from "./store/mano-schema.ts";
import { openStore } from "./store/open.ts";
import { connectOpenVim } from "./vimconn/openvim.ts";
import { OpenVimDirect } from "./vimconn/openvim-direct.ts";

const MIGRATIONS = join(import.meta.dirname, "..", "sql", "mano");

export interface RunningMano extends AsyncDisposable {
  readonly host: string;
  /** The port it listens on; the system's choice where the setting is 0. */
  readonly port: number;
  /** The port of OpenMANO's clients; the same where it has none of its own. */
  readonly openmanoPort: number;
  /** Settled when a later daemon has taken the lead over its store: it can write nothing more, and must end. */
  readonly lost: Promise<Fault>;
  /** Reads its certificates again; where they are wrong the old ones stay, and the log says why. */
  reload(): void;
}

/**
 * Starts the MANO: its store, the watch over every VIM, its API. Disposing ends it within a second and leaves every server and
 * every bind as it is. Throws CONFIG when its port is in use or its accounts contradict its store.
 */
export async function startMano(config: ManoConfig, { clock, log }: { clock: Clock; log: Log }): Promise<RunningMano> {
  await using undo = new AsyncDisposableStack();
  const db = await openStore<ManoTables>({ path: config.store, migrationsDir: MIGRATIONS });
  undo.defer(() => db.destroy());
  await writeAccounts(db, config, clock);
  const { mode, pollIntervalMs, links, readyWithinMs } = config;
  const connect = (account: VimAccount) => connectOpenVim(account, clock);
  const { host, tls } = config.listen;
  const seal = Seal.open(config.store === ":memory:" ? null : `${config.store}.key`);
  const ownPorts: number[] = [];
  const images = imageHandoutOf({ config, db, clock, seal, port: () => ownPorts[0] ?? config.listen.port });
  const direct = (id: VimAccountId) => new OpenVimDirect(nfvo.watchOf(id).account, clock);
  const provisioning = new Provisioning({ direct, imageUrl: (software) => images.urlOf(software) });
  const acting = { mode, pollIntervalMs, connect, links, readyMaxMs: readyWithinMs, provisioning };
  const nfvo: Nfvo = undo.use(await Nfvo.open({ db, clock, log, ...acting }));
  const oauth2 = { seal, lifeSeconds: config.auth.accessTokenSeconds };
  const setting = "config.mano.listen.tls";
  const doorway = openDoorway({ realm: "mano", db, auth: config.auth, tls, setting, oauth2, clock, log });
  const around = { db, clock, log, seal, ownPorts: () => ownPorts };
  const subscriptions = undo.use(await openSubscriptions(config, nfvo, around));
  const performance = undo.use(await openPerformance(config, nfvo, around));
  const onboarding = onboardingOf({ config, nfvo, ...around });
  const { packages } = onboarding;
  undo.use(packages);
  const requests = new Requests(nfvo, db, clock, log);
  const snapshotting = undo.use(await openSnapshots(nfvo, { db, clock, log, direct, vimOf: vimOf(nfvo) }));
  const operations = new Operations(nfvo, requests, db, clock, snapshotting.turns);
  const soleVnfs = new SoleVnfs(nfvo, requests, db, clock);
  const routes = solRoutes(nfvo, { requests, operations, soleVnfs, snapshotting, subscriptions, performance, onboarding, db });
  const sol = { routes, apiRoot: config.listen.apiRoot, pageSize: config.listPageSize };
  const hasTenant = async (id: string) => (await readOmTenants(db)).some((t) => t.uuid === id);
  const doorsFor = (tenant: string | null) =>
    manoDoors({ nfvo, requests, packages, subscriptions, images, db, scope: new Scope(nfvo, tenant) });
  const app = serveMano({ doorsFor, hasTenant }, sol, log, doorway.guarding(host));
  doorway.add(app);
  const openmano = undo.use(openmanoOf({ db, clock, log, nfvo, requests, subscriptions, performance }));
  const dialect = serveOpenmano({ doors: openmano.doors, hasTenant }, log, doorway.guarding(config.openmano?.host ?? host));
  if (config.openmano) doorway.add(dialect);
  else await shareServer(app, dialect, OPENMANO_PATH);
  undo.defer(async () => {
    await Promise.all([app.close(), dialect.close()]);
  });
  const port = await listenHttp(app, { host, port: config.listen.port, setting: "mano.listen.port" });
  const openmanoPort =
    config.openmano === undefined ? port : await listenHttp(dialect, { ...config.openmano, setting: "mano.openmano.port" });
  const lost = Promise.withResolvers<Fault>();
  await db.takeLead(lost.resolve);
  db.onSilence((why) => nfvo.writes.silent(why));
  ownPorts.push(port);
  subscriptions.start();
  nfvo.start(VERSION); // Last: a second MANO on the same port must not have acted before it is refused.
  snapshotting.start();
  await performance.start();
  undo.use(keepingClean({ db, clock, log, keeping: config.retention }));
  await packages.start();
  await openmano.start();
  log.info({ host, port, mode, vims: config.vims.length }, "the MANO is ready");
  const all = undo.move();
  return {
    host,
    port,
    openmanoPort,
    lost: lost.promise,
    reload: () => doorway.reload(),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Takes old records away until it is disposed. */
function keepingClean(parts: RetentionParts): AsyncDisposable {
  const ended = new AbortController();
  const run = new Retention(parts).run(ended.signal);
  return {
    [Symbol.asyncDispose]: () => {
      ended.abort();
      return run;
    },
  };
}

/** Accounts of the settings file are found again by id or name, so that changed addresses replace the old ones. */
async function writeAccounts(db: ManoStore, config: ManoConfig, clock: Clock): Promise<void> {
  const there = await readVimAccounts(db);
  for (const { id, ...setting } of config.vims) {
    const account = accountOf(setting);
    const byName = there.find((a) => a.name === account.name);
    if (byName && id !== undefined && byName.id !== id) {
      throw new Fault(
        "CONFIG",
        `mano.vims: the store knows ${account.name} as ${byName.id}, not ${id}; write that id, or another name`,
      );
    }
    const accountId = (id ?? byName?.id ?? crypto.randomUUID()) as VimAccountId;
    await upsertVimAccount(db, { ...account, id: accountId }, clock.wall().toISOString());
  }
}

function accountOf(setting: Omit<ManoConfig["vims"][number], "id">): Omit<VimAccount, "id"> {
  const { tokenFile, caFile, certFile, keyFile, ...account } = setting;
  const orNull = (path: string | undefined) => path ?? null;
  const access = { tokenFile: orNull(tokenFile), caFile: orNull(caFile), certFile: orNull(certFile), keyFile: orNull(keyFile) };
  return { ...account, access };
}
