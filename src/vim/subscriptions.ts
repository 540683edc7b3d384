import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Seal } from "../lib/seal.ts";
import type { TenantId } from "../model/ids.ts";
import type { KeptSubscription, ShownSubscription } from "../model/subscription.ts";
import type { VimEvent } from "../model/vim-event.ts";
import {
  type AskedVimSubscription,
  type EventFilter,
  matches,
  mayHear,
  type VimSubscription,
} from "../model/vim-subscription.ts";
import type { CallbackPolicy } from "../notify/callback-policy.ts";
import { type Reading, SubscriptionBook } from "../notify/subscription-book.ts";
import { subscriptionsIn } from "../store/subscriptions.ts";
import type { VimStore } from "../store/vim-picture.ts";
import type { VimEvents } from "./events.ts";

const SUBSCRIPTIONS_MAX = 100;
const OF_TENANT_MAX = 20;

export interface SubscriptionsParts {
  readonly db: VimStore;
  readonly events: VimEvents;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
}

/** Who is told of this VIM's events by requests to a callback (ETSI NFV-MAN 001, 5.7.7; IFA 005). */
export class Subscriptions implements AsyncDisposable {
  readonly #book: SubscriptionBook<VimEvent>;

  private constructor(book: SubscriptionBook<VimEvent>, events: VimEvents) {
    this.#book = book;
    events.onWritten((written) => book.hear(written));
  }

  static async open({ db, events, clock, ...parts }: SubscriptionsParts): Promise<Subscriptions> {
    const book = await SubscriptionBook.open<VimEvent>({
      ...parts,
      clock,
      journal: events,
      keeper: subscriptionsIn(db),
      most: SUBSCRIPTIONS_MAX,
      mostOfTenant: OF_TENANT_MAX,
      readingOf,
      lost: (from, to) => ({ seq: to, at: clock.wall().toISOString(), monoMs: clock.now(), type: "events.lost", from, to }),
    });
    return new Subscriptions(book, events);
  }

  /** Goes on with those of earlier runs, each from where it was. Not before this daemon leads: its predecessor may still be at it. */
  start(): void {
    this.#book.start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#book[Symbol.asyncDispose]();
  }

  /** Those of a tenant; null: all. */
  list(owner: TenantId | null): VimSubscription[] {
    return this.#book.list(owner).map(viewOf);
  }

  /** Throws NOT_FOUND, for another tenant's too. */
  get(id: string, owner: TenantId | null): VimSubscription {
    return viewOf(this.#book.get(id, owner));
  }

  /** As the book's: throws INVALID, CONFLICT, CALLBACK_REFUSED. */
  async create({ owner, callback, filter, since }: AskedVimSubscription): Promise<VimSubscription> {
    return viewOf(await this.#book.create({ owner, callback, since, filterJson: JSON.stringify(filter) }));
  }

  /** From when this resolves nothing is sent any more; a request in flight is cut. */
  delete(id: string, owner: TenantId | null): Promise<void> {
    return this.#book.delete(id, owner);
  }

  /** Its tenant is gone, and its rows went with it. */
  forgetTenant(id: TenantId): Promise<void> {
    return this.#book.forgetTenant(id);
  }
}

function readingOf({ id, tenant_id, filter_json }: KeptSubscription): Reading<VimEvent> {
  const filter = JSON.parse(filter_json) as EventFilter;
  const owner = tenant_id as TenantId | null;
  return {
    matches: (event) => mayHear(owner, event) && matches(filter, event),
    bodiesOf: (events) => [JSON.stringify({ notification: { subscription_id: id, events } })],
  };
}

const viewOf = ({ kept, authType, delivery }: ShownSubscription): VimSubscription => ({
  id: kept.id,
  owner: kept.tenant_id as TenantId | null,
  callback: kept.callback,
  filter: JSON.parse(kept.filter_json) as EventFilter,
  authType,
  createdAt: kept.created_at,
  delivery,
});
