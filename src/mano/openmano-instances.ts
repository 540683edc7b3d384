import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Turns } from "../lib/turns.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { NsView } from "../model/ns.ts";
import type { OmAction, OmInstance } from "../model/openmano.ts";
import { deleteDescriptor, insertDescriptors, readDescriptorNames } from "../store/mano-catalogue.ts";
import {
  deleteOmInstance,
  failOmInstance,
  insertOmInstance,
  readOmActions,
  readOmInstance,
  readOmInstances,
  removeOmInstance,
  upsertOmAction,
} from "../store/mano-openmano.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { OpenVimDirect } from "../vimconn/openvim-direct.ts";
import type { Nfvo } from "./nfvo.ts";
import type { Requests } from "./requests.ts";

/** Between looks at an NS that is being made or taken away. */
const LOOK_EVERY_MS = 50;
/** Between tries while a VIM does not answer. */
const LOST_MS = 1_000;

export interface OpenmanoInstancesParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly nfvo: Nfvo;
  readonly requests: Requests;
  /** The VIM of an account, asked by hand; whoever asks disposes of it. */
  direct(id: VimAccountId): Promise<OpenVimDirect>;
}

/**
 * OpenMANO's instances: each is an NS, and around it what an NS of ours expects to be there: nets, images and flavors in the VIM, and an NSD.
 * What is wanted is on the disk before it is begun; each step is safe to repeat, so a restart goes on where the last run ended.
 */
export class OpenmanoInstances implements AsyncDisposable {
  readonly #parts: OpenmanoInstancesParts;
  readonly #stopped = new AbortController();
  readonly #runs = new Map<string, Promise<void>>();
  /** What instances in one VIM share is looked for by one, or taken away by one that ends: never both at once. */
  readonly #shared = new Turns<string>();

  constructor(parts: OpenmanoInstancesParts) {
    this.#parts = parts;
  }

  /** Goes on with all that is not at its end. */
  async start(): Promise<void> {
    for (const { uuid } of await readOmInstances(this.#parts.db)) this.#run(uuid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#runs.values());
  }

  /** On the disk when it resolves. */
  async make(instance: OmInstance, action: OmAction): Promise<void> {
    await insertOmInstance(this.#parts.db, instance, action);
    this.#run(instance.uuid);
  }

  /** On the disk when it resolves: from then on it is not there for anybody. */
  async remove(instance: OmInstance, action: OmAction): Promise<void> {
    await removeOmInstance(this.#parts.db, instance.uuid, action);
    this.#run(instance.uuid);
  }

  /** Once it is made, has failed, or is gone; or that has taken too long. */
  async settled(uuid: string, patienceMs: number): Promise<void> {
    const run = this.#runs.get(uuid);
    if (run === undefined) return;
    const over = new AbortController();
    await Promise.race([run, this.#parts.clock.sleep(patienceMs, over.signal).catch(() => {})]);
    over.abort();
  }

  /** Not one that somebody else has given its name meanwhile: that is of another NSD. */
  nsOf({ nsName, nsd }: OmInstance): NsView | null {
    const found = this.#parts.nfvo.lifecycle.all.find((d) => d.ns.name === nsName && d.nsd.id === nsd.id);
    return found === undefined ? null : this.#parts.requests.getNs(found.ns.id);
  }

  /** After the run that there is, which may have looked before what it is to find was written, and be about to end. */
  #run(uuid: string): void {
    if (this.#stopped.signal.aborted) return;
    const before = this.#runs.get(uuid);
    const work = before === undefined ? this.#work(uuid) : before.then(() => this.#work(uuid));
    const run: Promise<void> = work
      .catch((err) =>
        this.#parts.log.error({ err, instance: uuid }, "the work on an instance broke off; a restart goes on with it"),
      )
      .finally(() => {
        if (this.#runs.get(uuid) === run) this.#runs.delete(uuid);
      });
    this.#runs.set(uuid, run);
  }

  async #work(uuid: string): Promise<void> {
    const { db, clock, log } = this.#parts;
    const { signal } = this.#stopped;
    let told = "";
    while (!signal.aborted) {
      const instance = await readOmInstance(db, uuid);
      if (instance === undefined) return;
      let restMs = LOOK_EVERY_MS;
      try {
        if (await this.#step(instance)) return;
      } catch (e) {
        const isRefused = e instanceof Fault && e.code !== "VIM_UNREACHABLE";
        if (isRefused && instance.state === "WANTED" && instance.failed === null) await failOmInstance(db, uuid, e.message);
        else restMs = LOST_MS;
        if (!(e instanceof Fault))
          log.error({ err: e, instance: uuid }, "a step of an instance failed by a bug; it is tried again");
        else if (isRefused && restMs === LOST_MS && told !== e.message) {
          told = e.message;
          log.warn({ err: e, instance: uuid }, "what is left of an instance cannot be taken away yet; it is tried again");
        }
      }
      await clock.sleep(restMs, signal).catch(() => {});
    }
  }

  /** True: there is nothing more to do for it. */
  async #step(instance: OmInstance): Promise<boolean> {
    using vim = await this.#parts.direct(instance.attachmentId as VimAccountId);
    if (instance.state === "REMOVED") return await this.#takeAway(instance, vim);
    if (instance.failed !== null) {
      if (!(await this.#clean(instance, vim))) return false;
      await this.#note(instance, "CREATE", { failed: instance.vnfs.reduce((n, v) => n + v.vms.length, 0) });
      return true;
    }
    return await this.#bringUp(instance, vim); // Awaited: the connection ends with this function.
  }

  async #bringUp(instance: OmInstance, vim: OpenVimDirect): Promise<boolean> {
    const { db, requests } = this.#parts;
    const ns = this.nsOf(instance) ?? (await this.#makeNs(instance, vim));
    if (ns.state === "NOT_INSTANTIATED") await requests.instantiate(ns.id);
    if (ns.state === "FAILED" && ns.vnfcs.length === 0) await failOmInstance(db, instance.uuid, ns.detail ?? "it failed");
    if (ns.state !== "INSTANTIATED") return false;
    if (instance.isReserved && !(await this.#isDone(instance, "CREATE")))
      for (const { vimServerId } of ns.vnfcs) await vim.act(vimServerId, { shutoff: null });
    await this.#note(instance, "CREATE", {});
    return true;
  }

  /** What the NS needs of the VIM, and then the NS. */
  async #makeNs(instance: OmInstance, vim: OpenVimDirect): Promise<NsView> {
    const names = await this.#shared.take(instance.attachmentId, async () => {
      for (const flavor of instance.flavors) await vim.ensureFlavor(flavor);
      return imagesIn(instance, vim);
    });
    for (const net of instance.nets)
      if (net.created)
        await vim.ensureNet({ id: net.vimNetId, name: net.vimName ?? net.uuid, kind: net.kind, ipProfile: net.ipProfile });
    const nsdId = await this.#onBoard(instance, names);
    const { nsName, attachmentId: vimAccountId, tenantId: owner } = instance;
    return this.#parts.requests.createNs({ nsdId, nsName, vimAccountId, owner });
  }

  /** Its own NSD in the catalogue. The record's id. */
  async #onBoard({ nsd, vnfd, tenantId }: OmInstance, images: ReadonlyMap<string, string>): Promise<string> {
    const { db, clock, nfvo } = this.#parts;
    const had = (await readDescriptorNames(db)).find((n) => n.kind === "nsd" && n.ref === nsd.id);
    if (had) return had.id;
    const createdAt = clock.wall().toISOString();
    const vdus = vnfd.vdus.map((vdu) => ({ ...vdu, image: images.get(vdu.image) ?? vdu.image }));
    const made = { id: randomUUID(), kind: "vnfd" as const, body: { ...vnfd, vdus }, vnfdRecordId: null, createdAt };
    const id = randomUUID();
    for (const one of [made.id, id]) await nfvo.owners.give(one, tenantId);
    await insertDescriptors(db, [made, { id, kind: "nsd", body: nsd, vnfdRecordId: made.id, createdAt }]);
    return id;
  }

  async #takeAway(instance: OmInstance, vim: OpenVimDirect): Promise<boolean> {
    if (!(await this.#clean(instance, vim))) return false;
    await this.#dropShared(instance, vim);
    await this.#note(instance, "DELETE", {});
    await deleteOmInstance(this.#parts.db, instance.uuid);
    return true;
  }

  /** Its NS, its nets, its NSD. True: nothing of them is left. */
  async #clean(instance: OmInstance, vim: OpenVimDirect): Promise<boolean> {
    const { db, requests } = this.#parts;
    const ns = this.nsOf(instance);
    if (ns !== null) {
      if (ns.state === "INSTANTIATED" || ns.state === "INSTANTIATING" || (ns.state === "FAILED" && ns.vnfcs.length > 0))
        await requests.terminate(ns.id);
      const isGone = ns.vnfcs.length === 0 && (ns.state === "NOT_INSTANTIATED" || ns.state === "FAILED");
      if (!isGone) return false;
      await requests.deleteNs(ns.id);
    }
    for (const net of instance.nets) if (net.created) await vim.dropNet(net.vimNetId);
    const own = (await readDescriptorNames(db)).filter((n) => n.ref === instance.nsd.id || n.ref === instance.vnfd.id);
    for (const kind of ["nsd", "vnfd"] as const)
      for (const record of own) if (record.kind === kind) await deleteDescriptor(db, record.id);
    return true;
  }

  /**
   * Images and flavors that were made for it, and that no other instance needs; the VIM keeps what its servers need. One that is about to make
   * its servers may have found an image by its path or its name, under the id of another.
   */
  #dropShared(instance: OmInstance, vim: OpenVimDirect): Promise<void> {
    return this.#shared.take(instance.attachmentId, async () => {
      const others = (await readOmInstances(this.#parts.db)).filter((o) => o.uuid !== instance.uuid && o.state === "WANTED");
      const flavors = new Set(others.flatMap((o) => o.flavors.map((f) => f.id)));
      const images = others.flatMap((o) => o.images);
      const unlessRefused = (e: unknown) => {
        if (!(e instanceof Fault) || e.code !== "VIM_REFUSED") throw e;
      };
      for (const { id } of instance.flavors) if (!flavors.has(id)) await vim.dropFlavor(id).catch(unlessRefused);
      for (const own of instance.images)
        if (!images.some((i) => isServedBy(i, own))) await vim.dropImage(own.id).catch(unlessRefused);
    });
  }

  async #isDone({ uuid }: OmInstance, description: OmAction["description"]): Promise<boolean> {
    const action = (await readOmActions(this.#parts.db)).find((a) => a.instanceId === uuid && a.description === description);
    return action !== undefined && action.done + action.failed > 0;
  }

  /** How an action has ended. */
  async #note({ uuid }: OmInstance, description: OmAction["description"], { failed = 0 }): Promise<void> {
    const { db, clock } = this.#parts;
    const action = (await readOmActions(db)).find((a) => a.instanceId === uuid && a.description === description);
    if (action === undefined || action.done + action.failed > 0) return;
    await upsertOmAction(db, { ...action, done: action.tasks - failed, failed, modifiedAt: clock.wall().toISOString() });
  }
}

type Image = OmInstance["images"][number];

const isServedBy = (wanted: Image, by: Image): boolean =>
  wanted.id === by.id || (wanted.path === null ? wanted.name === by.name : wanted.path === by.path);

/** Names under which the VIM has the images of an instance: one of that path, else one of that name, else one that is made. */
async function imagesIn({ images }: OmInstance, vim: OpenVimDirect): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const { id, name, path, metadata } of images) {
    const there = await vim.images();
    const own = there.find((i) => i.id === id) ?? (path === null ? undefined : there.find((i) => i.path === path));
    const named = there.filter((i) => i.name === name);
    if (own) names.set(id, String(own.name));
    else if (path === null && named.length === 1) names.set(id, name);
    else if (path === null)
      throw new Fault(
        "VIM_REFUSED",
        `the VIM has ${named.length} images with the name ${JSON.stringify(name)}, and no path is known of it`,
      );
    else {
      const free = named.length === 0 ? name : `${name}-${id.slice(0, 8)}`;
      await vim.ensureImage({ id, name: free, path, metadata });
      names.set(id, free);
    }
  }
  return names;
}
