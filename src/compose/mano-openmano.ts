import type { OpenmanoDoors, VimByHand } from "../api/openmano/doors.ts";
import { readAside } from "../descriptor/aside.ts";
import { openmanoRefusal } from "../descriptor/openmano-refusal.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { OpenmanoInstances } from "../mano/openmano-instances.ts";
import type { Performance } from "../mano/performance.ts";
import { vimsOf } from "../mano/plan.ts";
import type { Requests } from "../mano/requests.ts";
import type { SolSubscriptions } from "../mano/sol-subscriptions.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { OmAttachment, OmDatacenter } from "../model/openmano.ts";
import { deleteVimAccount } from "../store/mano-catalogue.ts";
import { readOmAttachments, readOmDatacenters } from "../store/mano-openmano.ts";
import { readPackages } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type DirectAccount, OpenVimDirect } from "../vimconn/openvim-direct.ts";

export interface OpenmanoParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly nfvo: Nfvo;
  readonly requests: Requests;
  readonly subscriptions: Pick<SolSubscriptions, "list">;
  readonly performance: Pick<Performance, "list">;
}

export interface RunningOpenmano extends AsyncDisposable {
  readonly doors: OpenmanoDoors;
  /** Goes on with what an earlier run has begun; once the MANO acts. */
  start(): Promise<void>;
}

/** What OpenMANO's API needs of the MANO, put together. */
export function openmanoOf(parts: OpenmanoParts): RunningOpenmano {
  const { db, clock, nfvo, requests } = parts;
  const direct = async (id: VimAccountId) => new OpenVimDirect(await accountOf(db, id), clock);
  const instances = new OpenmanoInstances({ ...parts, direct });
  const doors: OpenmanoDoors = {
    db,
    now: () => clock.wall().toISOString(),
    changed: (what) => nfvo.stream.push({ type: "api.changed", ...what }),
    refused: (what) => nfvo.stream.push({ type: "api.refused", ...what }),
    readDescriptor: async (text, known) => {
      const onBoard = { blueprints: known, names: known.map((v) => v.id) };
      const { outcome, flaws } = (await readAside(Buffer.from(text), "descriptor", onBoard)).reading;
      return outcome === null ? { refusal: openmanoRefusal(flaws) } : { descriptor: outcome.descriptor };
    },
    withVim: async (at, ask) => {
      using vim = new OpenVimDirect(at, clock);
      return await ask(vim satisfies VimByHand);
    },
    addVim: (account) => useVim(parts, account),
    changeVim: (id, at) => moveVim(nfvo, id as VimAccountId, at),
    removeVim: async (id) => {
      const user = nfvo.lifecycle.all.find((d) => vimsOf(d).includes(id as VimAccountId));
      if (user)
        throw new Fault(
          "CONFLICT",
          `Resource is not free. There are dependencies that prevent deleting it. (NS ${user.ns.name} is in it)`,
        );
      await nfvo.dropVim(id as VimAccountId);
      nfvo.alarms.clearAllOf([id]);
      await nfvo.writes.flush(); // What is still to be written of this account.
      await deleteVimAccount(db, id as VimAccountId);
    },
    usesOf: async (tenant) => ({
      "network services": nfvo.lifecycle.all.filter((d) => nfvo.owners.of(d.ns.id) === tenant).length,
      packages: (await readPackages(db)).filter((p) => nfvo.owners.of(p.id) === tenant).length,
      subscriptions: parts.subscriptions.list(null, tenant).length,
      "PM jobs and thresholds": pmTasksOf(parts.performance, tenant),
    }),
    listVims: () => requests.listVims(),
    nsNames: () => new Set(nfvo.lifecycle.all.map((d) => d.ns.name)),
    nsOf: (instance) => instances.nsOf(instance),
    makeInstance: (instance, action) => instances.make(instance, action),
    removeInstance: (instance, action) => instances.remove(instance, action),
    settled: (uuid, patienceMs) => instances.settled(uuid, patienceMs),
  };
  const start = async () => {
    await useAll(parts);
    await instances.start();
  };
  return { doors, start, [Symbol.asyncDispose]: () => instances[Symbol.asyncDispose]() };
}

function pmTasksOf(performance: OpenmanoParts["performance"], tenant: string): number {
  const lists = (["nspm", "vnfpm"] as const).flatMap((of) =>
    (["job", "threshold"] as const).map((kind) => performance.list(of, kind, tenant)),
  );
  return lists.reduce((n, list) => n + list.length, 0);
}

async function siteOf(
  db: ManoStore,
  id: string,
): Promise<{ readonly attachment: OmAttachment; readonly datacenter: OmDatacenter }> {
  const attachment = (await readOmAttachments(db)).find((a) => a.uuid === id);
  const datacenter = (await readOmDatacenters(db)).find((d) => d.uuid === attachment?.datacenterId);
  if (!attachment || !datacenter) throw new Error(`no datacenter is attached as ${id}`);
  return { attachment, datacenter };
}

async function accountOf(db: ManoStore, id: VimAccountId): Promise<DirectAccount> {
  const { attachment, datacenter } = await siteOf(db, id);
  return { url: datacenter.vimUrl, adminUrl: datacenter.vimUrlAdmin ?? datacenter.vimUrl, tenant: attachment.vimTenantId };
}

/** By the tenant that it was attached for, and by no other. */
async function useVim(
  { nfvo, requests }: OpenmanoParts,
  { id, name, url, adminUrl, tenant, owner }: Parameters<OpenmanoDoors["addVim"]>[0],
): Promise<void> {
  await nfvo.owners.give(id, owner);
  await requests.addVim({ id, name, url, adminUrl, tenant: tenant ?? "" });
}

async function moveVim(nfvo: Nfvo, id: VimAccountId, at: Pick<DirectAccount, "url" | "adminUrl">): Promise<void> {
  const { account } = nfvo.watchOf(id);
  await nfvo.dropVim(id);
  await nfvo.addVim({ ...account, url: at.url, adminUrl: at.adminUrl });
}

/** Attachments that an earlier run had written, and then did not come to use their VIM, or its new address. */
async function useAll(parts: OpenmanoParts): Promise<void> {
  const { db, nfvo } = parts;
  for (const { uuid } of await readOmAttachments(db)) {
    const known = nfvo.watches.find((w) => w.account.id === uuid)?.account;
    if (known) {
      const at = await accountOf(db, known.id);
      if (known.url !== at.url || known.adminUrl !== at.adminUrl) await moveVim(nfvo, known.id, at);
      continue;
    }
    const { datacenter, attachment } = await siteOf(db, uuid);
    const isTaken = nfvo.watches.some((w) => w.account.name === datacenter.name);
    const name = isTaken ? `${datacenter.name}-${uuid.slice(0, 8)}` : datacenter.name;
    await useVim(parts, { id: uuid, name, ...(await accountOf(db, uuid as VimAccountId)), owner: attachment.tenantId });
  }
}
