import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Seal } from "../lib/seal.ts";
import type { AskedSubscription, Callback, CallbackAuth, KeptSubscription, ShownSubscription } from "../model/subscription.ts";
import type { CallbackPolicy } from "./callback-policy.ts";
import type { KeptJournal, Numbered, Order } from "./courier.ts";
import { Couriers } from "./couriers.ts";
import { Endpoint, Refusal } from "./endpoint.ts";

/** What a dialect makes of events for one subscriber. */
export interface Reading<E extends Numbered> {
  matches(event: E): boolean;
  /** The bodies of the requests that tell these, mostly one; none: of these it has no word, and they count as accepted. */
  bodiesOf(events: readonly E[]): readonly string[];
}

/** Where subscriptions are kept. */
export interface SubscriptionKeeper {
  read(): Promise<KeptSubscription[]>;
  save(kept: KeptSubscription): Promise<void>;
  delete(id: string): Promise<void>;
  updateCursors(cursors: ReadonlyMap<string, number>): Promise<void>;
}

export interface SubscriptionBookParts<E extends Numbered> {
  readonly journal: KeptJournal<E>;
  readonly keeper: SubscriptionKeeper;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
  /** Each subscription is a connection, a queue and a reader of the journal. */
  readonly most: number;
  /** So that one tenant does not use them all up. */
  readonly mostOfTenant: number;
  /** How it is refused where there are so many; left out: CONFLICT, in words of subscriptions. */
  readonly tooMany?: (most: number, ofTenant: boolean) => Fault;
  /** Events of one request; left out: many. */
  readonly batchMax?: number;
  /** A cursor is on the disk before the next request to its subscriber. */
  readonly isStrict?: boolean;
  readonly readingOf: (kept: KeptSubscription) => Reading<E>;
  /** What of a callback stands in settings and not in the store; left out: nothing. */
  readonly callbackOf?: (callback: Callback, filterJson: string) => Callback;
  /** In place of events that were kept no more when their turn came. Its number is `to`. */
  readonly lost: (from: number, to: number) => E;
}

interface Open {
  readonly kept: KeptSubscription;
  readonly authType: CallbackAuth["type"] | null;
  readonly endpoint: Endpoint | null;
}

/** Who is told of a journal's events by requests to a callback, whatever the dialect (decision 0051). */
export class SubscriptionBook<E extends Numbered> implements AsyncDisposable {
  readonly #parts: SubscriptionBookParts<E>;
  readonly #couriers: Couriers<E>;
  readonly #all = new Map<string, Open>();
  #earlier: KeptSubscription[] = [];
  readonly #ended = new AbortController();
  /** One change at a time: what was counted and compared holds until it is written. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(parts: SubscriptionBookParts<E>) {
    const { journal, clock, log, keeper, isStrict = false } = parts;
    this.#parts = parts;
    const writeCursors = (cursors: ReadonlyMap<string, number>) => keeper.updateCursors(cursors);
    this.#couriers = new Couriers({ journal, clock, log, writeCursors, isStrict });
  }

  static async open<E extends Numbered>(parts: SubscriptionBookParts<E>): Promise<SubscriptionBook<E>> {
    const book = new SubscriptionBook(parts);
    book.#earlier = await parts.keeper.read();
    return book;
  }

  /** Goes on with those of earlier runs, each from where it was. Not before this daemon leads: its predecessor may still be at it. */
  start(): void {
    for (const kept of this.#earlier.splice(0)) this.#start(kept, this.#callbackOf(kept));
  }

  /** These are on the disk now. */
  hear(events: readonly E[]): void {
    this.#couriers.hear(events);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#couriers[Symbol.asyncDispose]();
    for (const { endpoint } of this.#all.values()) endpoint?.[Symbol.dispose]();
  }

  /** Those of a tenant; null: all. */
  list(owner: string | null): ShownSubscription[] {
    return [...this.#all.values()].filter((s) => owner === null || s.kept.tenant_id === owner).map((s) => this.#shown(s));
  }

  /** Throws NOT_FOUND, for another tenant's too. */
  get(id: string, owner: string | null): ShownSubscription {
    return this.#shown(this.#found(id, owner));
  }

  /** The one with the same owner, callback and filter; null: there is none. */
  sameAs(asked: Pick<AskedSubscription, "owner" | "callback" | "filterJson">): ShownSubscription | null {
    const same = this.#sameAs(asked);
    return same ? this.#shown(same) : null;
  }

  /**
   * Asks the callback, and tells it all that matches from now on. The same callback with the same filter is the same subscription: it
   * goes on from where it was, with the authentication given now. Throws INVALID, CONFLICT where there are too many, and
   * CALLBACK_REFUSED where no receiver answers.
   */
  async create(asked: AskedSubscription): Promise<ShownSubscription> {
    const callback = this.#complete(asked.callback, asked.filterJson);
    this.#parts.policy.check(callback);
    this.#checkRoom(asked);
    const endpoint = this.#endpointFor(callback);
    try {
      await this.#test(endpoint);
      return this.#shown(await this.#inTurn(async () => this.#save(asked, endpoint)));
    } catch (e) {
      endpoint[Symbol.dispose]();
      throw e;
    }
  }

  /**
   * Another callback, or the same with other authentication, which is asked first. It goes on from where it was. `change` is handed what it has now;
   * null where its secrets cannot be read. Throws as `create`, and NOT_FOUND.
   */
  async modify(
    id: string,
    owner: string | null,
    change: (had: Callback | null, filterJson: string) => Pick<AskedSubscription, "callback" | "filterJson">,
  ): Promise<ShownSubscription> {
    const { kept } = this.#found(id, owner);
    const { callback: asked, filterJson } = change(this.#keptCallback(kept), kept.filter_json);
    const callback = this.#complete(asked, filterJson);
    this.#parts.policy.check(callback);
    const endpoint = this.#endpointFor(callback);
    try {
      await this.#test(endpoint);
      return this.#shown(await this.#inTurn(() => this.#replace(id, owner, { callback: asked, filterJson }, endpoint)));
    } catch (e) {
      endpoint[Symbol.dispose]();
      throw e;
    }
  }

  /** From when this resolves nothing is sent any more; a request in flight is cut. */
  delete(id: string, owner: string | null): Promise<void> {
    return this.#inTurn(async () => {
      this.#found(id, owner);
      await this.#parts.keeper.delete(id);
      await this.#stop(id);
    });
  }

  /** Its tenant is gone, and its rows went with it. */
  forgetTenant(id: string): Promise<void> {
    return this.#inTurn(async () => {
      for (const { kept } of this.#all.values()) if (kept.tenant_id === id) await this.#stop(kept.id);
    });
  }

  async #save(asked: AskedSubscription, endpoint: Endpoint): Promise<Open> {
    this.#checkRoom(asked);
    const { owner, callback, filterJson, since } = asked;
    const same = this.#sameAs(asked);
    const kept: KeptSubscription = {
      id: same?.kept.id ?? randomUUID(),
      tenant_id: owner,
      callback: callback.url,
      filter_json: filterJson,
      sealed: this.#sealed(callback),
      cursor: since ?? (same && this.#couriers.viewOf(same.kept.id)?.cursor) ?? this.#parts.journal.lastSeq,
      created_at: same?.kept.created_at ?? this.#parts.clock.wall().toISOString(),
    };
    await this.#parts.keeper.save(kept);
    if (same) await this.#stop(kept.id);
    return this.#start(kept, callback, endpoint);
  }

  async #replace(
    id: string,
    owner: string | null,
    { callback, filterJson }: Pick<AskedSubscription, "callback" | "filterJson">,
    endpoint: Endpoint,
  ): Promise<Open> {
    const had = this.#found(id, owner); // It may have been deleted while the callback was asked.
    const { cursor } = this.#couriers.viewOf(id)!;
    const kept = { ...had.kept, callback: callback.url, filter_json: filterJson, sealed: this.#sealed(callback), cursor };
    await this.#parts.keeper.save(kept);
    await this.#stop(id);
    return this.#start(kept, this.#complete(callback, filterJson), endpoint);
  }

  #sealed({ auth, tls }: Callback): string | null {
    return auth === null && tls === null ? null : this.#parts.seal.seal(JSON.stringify({ auth, tls }));
  }

  #sameAs({ owner, callback, filterJson }: Pick<AskedSubscription, "owner" | "callback" | "filterJson">): Open | undefined {
    return [...this.#all.values()].find(
      ({ kept }) => kept.tenant_id === owner && kept.callback === callback.url && kept.filter_json === filterJson,
    );
  }

  #checkRoom(asked: AskedSubscription): void {
    if (this.#sameAs(asked)) return;
    const { most, mostOfTenant } = this.#parts;
    const ofOwner = [...this.#all.values()].filter(({ kept }) => asked.owner !== null && kept.tenant_id === asked.owner).length;
    const { tooMany = tooManySubscriptions } = this.#parts;
    if (this.#all.size >= most) throw tooMany(most, false);
    if (ofOwner >= mostOfTenant) throw tooMany(mostOfTenant, true);
  }

  #endpointFor(callback: Callback): Endpoint {
    try {
      return new Endpoint(callback, this.#parts.policy, () => this.#parts.clock.now());
    } catch (e) {
      throw new Fault("INVALID", `tls: the certificates cannot be read: ${(e as Error).message}`, {}, { cause: e });
    }
  }

  async #test(endpoint: Endpoint): Promise<void> {
    await endpoint.test(this.#ended.signal).catch((e: unknown) => {
      if (!(e instanceof Refusal)) throw e;
      const detail = `callback: ${e.message}; want a receiver that answers GET with 204 or 200`;
      throw new Fault("CALLBACK_REFUSED", detail, {}, { cause: e });
    });
  }

  /** Null: its secrets were sealed with another key. */
  #callbackOf(kept: KeptSubscription): Callback | null {
    const callback = this.#keptCallback(kept);
    return callback && this.#complete(callback, kept.filter_json);
  }

  #keptCallback({ callback: url, sealed }: KeptSubscription): Callback | null {
    const text = sealed === null ? '{"auth":null,"tls":null}' : this.#parts.seal.unseal(sealed);
    return text === null ? null : { url, ...(JSON.parse(text) as Omit<Callback, "url">) };
  }

  #complete(callback: Callback, filterJson: string): Callback {
    return this.#parts.callbackOf?.(callback, filterJson) ?? callback;
  }

  #start(kept: KeptSubscription, callback: Callback | null, open?: Endpoint): Open {
    const endpoint = open ?? (callback && this.#endpointFor(callback));
    const started = { kept, endpoint, authType: callback?.auth?.type ?? null };
    this.#all.set(kept.id, started);
    this.#couriers.add(this.#orderOf(started));
    return started;
  }

  async #stop(id: string): Promise<void> {
    await this.#couriers.remove(id);
    this.#all.get(id)?.endpoint?.[Symbol.dispose]();
    this.#all.delete(id);
  }

  #orderOf({ kept, endpoint }: Open): Order<E> {
    const { batchMax, lost, readingOf } = this.#parts;
    const reading = readingOf(kept);
    let at = { seq: 0, accepted: 0 }; // Of several requests those that were accepted are not sent again.
    return {
      id: kept.id,
      cursor: kept.cursor,
      ...(batchMax !== undefined && { batchMax }),
      matches: (event) => reading.matches(event),
      lost,
      post: async (events, signal) => {
        if (endpoint === null) throw new Refusal(KEY_LOST);
        const { seq } = events[0]!;
        if (at.seq !== seq) at = { seq, accepted: 0 };
        for (const body of reading.bodiesOf(events).slice(at.accepted)) {
          await endpoint.post(body, signal);
          at.accepted++;
        }
      },
    };
  }

  #shown({ kept, authType }: Open): ShownSubscription {
    return { kept, authType, delivery: this.#couriers.viewOf(kept.id)! };
  }

  #found(id: string, owner: string | null): Open {
    const found = this.#all.get(id);
    if (found && (owner === null || found.kept.tenant_id === owner)) return found;
    throw new Fault("NOT_FOUND", `subscription '${id}' not found`);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}

const KEY_LOST =
  "what convinces this subscriber that it is us cannot be read: the key file beside the store is another one; subscribe again";

const tooManySubscriptions = (most: number, ofTenant: boolean): Fault => {
  const there = ofTenant
    ? `this tenant has ${most} subscriptions, as many as it may`
    : `there are ${most} subscriptions, as many as there can be`;
  return new Fault("CONFLICT", `${there}: delete one that nobody needs`);
};
