import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Seal } from "../lib/seal.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import type { Notifications, NotifyingInterface, SolInterest, SolSubscription } from "../model/sol-subscription.ts";
import type { Callback, CallbackTls, ShownSubscription } from "../model/subscription.ts";
import type { CallbackPolicy } from "../notify/callback-policy.ts";
import type { EventStream } from "../notify/stream.ts";
import { SubscriptionBook } from "../notify/subscription-book.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { subscriptionsIn, updateCursors } from "../store/subscriptions.ts";
import { keptJournal } from "./kept-journal.ts";
import type { WriteQueue } from "./writes.ts";

const SUBSCRIPTIONS_MAX = 200;
const OF_TENANT_MAX = 50;

export interface SolSubscriptionsParts {
  readonly db: ManoStore;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
  readonly notifications: Notifications;
  /** Whether a tenant may be told of it; null: who is of none. Left out: everybody may. */
  readonly mayHear?: (owner: string | null, event: ManoEvent) => boolean;
  /** The client certificate of our settings, for subscribers that ask for TLS_CERT and send none. Null: there is none. */
  readonly ourTls: CallbackTls | null;
}

export interface AskedSolSubscription {
  readonly owner: string | null;
  readonly callback: Callback;
  readonly interest: SolInterest;
}

/** Who is told of what happens in the MANO by ETSI's notifications: one event, one request, in the order of the journal. */
export class SolSubscriptions implements AsyncDisposable {
  readonly #book: SubscriptionBook<ManoEvent>;
  readonly #ourTls: CallbackTls | null;

  private constructor(book: SubscriptionBook<ManoEvent>, writes: WriteQueue, ourTls: CallbackTls | null) {
    this.#book = book;
    this.#ourTls = ourTls;
    writes.onWritten((events) => book.hear(events));
  }

  static async open(parts: SolSubscriptionsParts): Promise<SolSubscriptions> {
    const { db, stream, writes, clock, notifications, ourTls, mayHear = () => true } = parts;
    const book = await SubscriptionBook.open<ManoEvent>({
      journal: keptJournal(stream, writes),
      // Behind what is to be written anyhow, in one commit with it.
      keeper: { ...subscriptionsIn(db), updateCursors: (cursors) => writes.done((tx) => updateCursors(tx, cursors)) },
      clock,
      log: parts.log,
      policy: parts.policy,
      seal: parts.seal,
      most: SUBSCRIPTIONS_MAX,
      mostOfTenant: OF_TENANT_MAX,
      batchMax: 1, // SOL013: a notification is a request.
      isStrict: true, // A notification is rare, and its receiver may act upon it.
      readingOf: ({ id, filter_json, tenant_id }) => {
        const interest = JSON.parse(filter_json) as SolInterest;
        return {
          matches: (event) => mayHear(tenant_id, event) && notifications.matches(interest, event),
          bodiesOf: ([event]) => {
            const body = event ? notifications.bodyOf(id, interest, event) : null;
            return body ? [JSON.stringify(body)] : [];
          },
        };
      },
      callbackOf: (callback, filterJson) => {
        const { isShownOurCertificate } = JSON.parse(filterJson) as SolInterest;
        return isShownOurCertificate ? { ...callback, tls: ourTls } : callback;
      },
      lost: (from, to) => ({ seq: to, at: clock.wall().toISOString(), monoMs: clock.now(), type: "events.lost", from, to }),
    });
    return new SolSubscriptions(book, writes, ourTls);
  }

  /** Goes on with those of earlier runs. Not before this daemon leads. */
  start(): void {
    this.#book.start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#book[Symbol.asyncDispose]();
  }

  /** Whether TLS_CERT can be served without a certificate in the request. */
  get hasOurCertificate(): boolean {
    return this.#ourTls !== null;
  }

  /** Of one interface, or of all; of one tenant, or (null) of everybody. */
  list(of: NotifyingInterface | null, owner: string | null): SolSubscription[] {
    return this.#book
      .list(owner)
      .map(viewOf)
      .filter((s) => of === null || s.interface === of);
  }

  /** Null: there is none in this interface that is this tenant's. */
  find(id: string, of: NotifyingInterface | null, owner: string | null): SolSubscription | null {
    return this.list(of, owner).find((s) => s.id === id) ?? null;
  }

  /** The one that is told the same things at the same place; null: there is none. */
  sameAs({ owner, callback, interest }: AskedSolSubscription): SolSubscription | null {
    const same = this.#book.sameAs({ owner, callback, filterJson: JSON.stringify(interest) });
    return same && viewOf(same);
  }

  /** Asks the callback first. Throws INVALID, CONFLICT where there are too many, CALLBACK_REFUSED. */
  async create({ owner, callback, interest }: AskedSolSubscription): Promise<SolSubscription> {
    return viewOf(await this.#book.create({ owner, callback, filterJson: JSON.stringify(interest), since: null }));
  }

  /** From when this resolves nothing is sent any more. Throws NOT_FOUND. */
  delete(id: string, owner: string | null): Promise<void> {
    return this.#book.delete(id, owner);
  }
}

const viewOf = ({ kept, authType, delivery }: ShownSubscription): SolSubscription => ({
  ...(JSON.parse(kept.filter_json) as SolInterest),
  id: kept.id,
  owner: kept.tenant_id,
  callbackUri: kept.callback,
  authType,
  createdAt: kept.created_at,
  delivery,
});
