import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Seal } from "../lib/seal.ts";
import type { TenantId } from "../model/ids.ts";
import type { Callback } from "../model/subscription.ts";
import type { VimEvent } from "../model/vim-event.ts";
import {
  type AskedVimSubscription,
  type EventFilter,
  matches,
  mayHear,
  type VimSubscription,
} from "../model/vim-subscription.ts";
import type { CallbackPolicy } from "../notify/callback-policy.ts";
import type { Order } from "../notify/courier.ts";
import { Couriers } from "../notify/couriers.ts";
import { Endpoint, Refusal } from "../notify/endpoint.ts";
import {
  deleteSubscription,
  readSubscriptions,
  type SubscriptionRow,
  saveSubscription,
  updateCursors,
} from "../store/subscriptions.ts";
import type { VimStore } from "../store/vim-picture.ts";
import type { VimEvents } from "./events.ts";

/** Each is a connection, a queue and a reader of the journal. */
const SUBSCRIPTIONS_MAX = 100;
/** So that one tenant does not use them all up. */
const OF_TENANT_MAX = 20;

export interface SubscriptionsParts {
  readonly db: VimStore;
  readonly events: VimEvents;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
}

interface Subscription {
  readonly row: SubscriptionRow;
  readonly filter: EventFilter;
  readonly authType: VimSubscription["authType"];
  readonly endpoint: Endpoint | null;
}

/** Who is told of this VIM's events by requests to a callback (ETSI NFV-MAN 001, 5.7.7; IFA 005). */
export class Subscriptions implements AsyncDisposable {
  readonly #parts: SubscriptionsParts;
  readonly #couriers: Couriers<VimEvent>;
  readonly #all = new Map<string, Subscription>();
  #earlier: SubscriptionRow[] = [];
  readonly #ended = new AbortController();
  /** One change at a time: what was counted and compared holds until it is written. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(parts: SubscriptionsParts) {
    const { db, events, clock, log } = parts;
    this.#parts = parts;
    this.#couriers = new Couriers({ journal: events, clock, log, writeCursors: (cursors) => updateCursors(db, cursors) });
    events.onWritten((written) => this.#couriers.hear(written));
  }

  static async open(parts: SubscriptionsParts): Promise<Subscriptions> {
    const all = new Subscriptions(parts);
    all.#earlier = await readSubscriptions(parts.db);
    return all;
  }

  /** Goes on with those of earlier runs, each from where it was. Not before this daemon leads: its predecessor may still be at it. */
  start(): void {
    for (const row of this.#earlier.splice(0)) this.#start(row, this.#callbackOf(row));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#couriers[Symbol.asyncDispose]();
    for (const { endpoint } of this.#all.values()) endpoint?.[Symbol.dispose]();
  }

  /** Those of a tenant; null: all. */
  list(owner: TenantId | null): VimSubscription[] {
    return [...this.#all.values()].filter((s) => owner === null || s.row.tenant_id === owner).map((s) => this.#viewOf(s));
  }

  /** Throws NOT_FOUND, for another tenant's too. */
  get(id: string, owner: TenantId | null): VimSubscription {
    return this.#viewOf(this.#found(id, owner));
  }

  /**
   * Asks the callback, and tells it all that matches from now on. The same callback with the same filter is the same subscription: it
   * goes on from where it was, with the authentication given now. Throws INVALID, CONFLICT where there are too many, and
   * CALLBACK_REFUSED where no receiver answers.
   */
  async create(asked: AskedVimSubscription): Promise<VimSubscription> {
    this.#parts.policy.check(asked.callback);
    this.#checkRoom(asked);
    const endpoint = this.#endpointFor(asked.callback);
    try {
      await this.#test(endpoint);
      const created = await this.#inTurn(async () => this.#save(asked, endpoint));
      return this.#viewOf(created);
    } catch (e) {
      endpoint[Symbol.dispose]();
      throw e;
    }
  }

  /** From when this resolves nothing is sent any more; a request in flight is cut. */
  delete(id: string, owner: TenantId | null): Promise<void> {
    return this.#inTurn(async () => {
      this.#found(id, owner);
      await deleteSubscription(this.#parts.db, id);
      await this.#stop(id);
    });
  }

  /** Its tenant is gone, and its rows went with it. */
  forgetTenant(id: TenantId): Promise<void> {
    return this.#inTurn(async () => {
      for (const { row } of this.#all.values()) if (row.tenant_id === id) await this.#stop(row.id);
    });
  }

  async #save(asked: AskedVimSubscription, endpoint: Endpoint): Promise<Subscription> {
    this.#checkRoom(asked);
    const { owner, callback, filter, since } = asked;
    const same = this.#sameAs(asked);
    const { auth, tls } = callback;
    const row: SubscriptionRow = {
      id: same?.row.id ?? randomUUID(),
      tenant_id: owner,
      callback: callback.url,
      filter_json: JSON.stringify(filter),
      sealed: auth === null && tls === null ? null : this.#parts.seal.seal(JSON.stringify({ auth, tls })),
      cursor: since ?? (same && this.#couriers.viewOf(same.row.id)?.cursor) ?? this.#parts.events.lastSeq,
      created_at: same?.row.created_at ?? this.#parts.clock.wall().toISOString(),
    };
    await saveSubscription(this.#parts.db, row);
    if (same) await this.#stop(row.id);
    return this.#start(row, callback, endpoint);
  }

  #sameAs({ owner, callback, filter }: AskedVimSubscription): Subscription | undefined {
    const text = JSON.stringify(filter);
    return [...this.#all.values()].find(
      ({ row }) => row.tenant_id === owner && row.callback === callback.url && row.filter_json === text,
    );
  }

  #checkRoom(asked: AskedVimSubscription): void {
    if (this.#sameAs(asked)) return;
    const ofOwner = [...this.#all.values()].filter(({ row }) => asked.owner !== null && row.tenant_id === asked.owner).length;
    if (this.#all.size >= SUBSCRIPTIONS_MAX)
      throw new Fault(
        "CONFLICT",
        `there are ${SUBSCRIPTIONS_MAX} subscriptions, as many as there can be: delete one that nobody needs`,
      );
    if (ofOwner >= OF_TENANT_MAX)
      throw new Fault(
        "CONFLICT",
        `this tenant has ${OF_TENANT_MAX} subscriptions, as many as it may: delete one that nobody needs`,
      );
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
      throw new Fault(
        "CALLBACK_REFUSED",
        `callback: ${e.message}; want a receiver that answers GET with 204 or 200`,
        {},
        { cause: e },
      );
    });
  }

  /** Null: its secrets were sealed with another key. */
  #callbackOf(row: SubscriptionRow): Callback | null {
    if (row.sealed === null) return { url: row.callback, auth: null, tls: null };
    const text = this.#parts.seal.unseal(row.sealed);
    return text === null ? null : { url: row.callback, ...(JSON.parse(text) as Omit<Callback, "url">) };
  }

  #start(row: SubscriptionRow, callback: Callback | null, open?: Endpoint): Subscription {
    const endpoint = open ?? (callback && this.#endpointFor(callback));
    const filter = JSON.parse(row.filter_json) as EventFilter;
    const started = { row, filter, endpoint, authType: callback?.auth?.type ?? null };
    this.#all.set(row.id, started);
    this.#couriers.add(this.#orderOf(started));
    return started;
  }

  async #stop(id: string): Promise<void> {
    await this.#couriers.remove(id);
    this.#all.get(id)?.endpoint?.[Symbol.dispose]();
    this.#all.delete(id);
  }

  #orderOf({ row, filter, endpoint }: Subscription): Order<VimEvent> {
    const { clock } = this.#parts;
    const owner = row.tenant_id as TenantId | null;
    return {
      id: row.id,
      cursor: row.cursor,
      matches: (event) => mayHear(owner, event) && matches(filter, event),
      lost: (from, to) => ({ seq: to, at: clock.wall().toISOString(), monoMs: clock.now(), type: "events.lost", from, to }),
      post: async (events, signal) => {
        if (endpoint === null) throw new Refusal(KEY_LOST);
        await endpoint.post(JSON.stringify({ notification: { subscription_id: row.id, events } }), signal);
      },
    };
  }

  #viewOf({ row, filter, authType }: Subscription): VimSubscription {
    return {
      id: row.id,
      owner: row.tenant_id as TenantId | null,
      callback: row.callback,
      filter,
      authType,
      createdAt: row.created_at,
      delivery: this.#couriers.viewOf(row.id)!,
    };
  }

  #found(id: string, owner: TenantId | null): Subscription {
    const found = this.#all.get(id);
    if (found && (owner === null || found.row.tenant_id === owner)) return found;
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
