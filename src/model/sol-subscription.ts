import type { ManoEvent } from "./mano-event.ts";
import type { DeliveryView } from "./subscription.ts";

/** The interfaces of SOL003 and SOL005 that notify, by the names of their paths. */
export const NOTIFYING = ["nsd", "vnfpkgm", "nslcm", "vnflcm", "nsfm", "vnffm"] as const;
export type NotifyingInterface = (typeof NOTIFYING)[number];

/** What a subscriber of an interface asks for. */
export interface SolInterest {
  readonly interface: NotifyingInterface;
  /** As it was sent: each interface has its own. Null: everything. */
  readonly filter: Readonly<Record<string, unknown>> | null;
  /** Of operation occurrences (SOL003 5.5.4.7). */
  readonly verbosity: "FULL" | "SHORT";
  /** Where we were reached when it subscribed: links in notifications begin there. */
  readonly apiRoot: string;
  /** The client certificate of our settings is shown to it. */
  readonly isShownOurCertificate: boolean;
}

export interface SolSubscription extends SolInterest {
  readonly id: string;
  readonly owner: string | null;
  readonly callbackUri: string;
  readonly authType: string | null;
  readonly createdAt: string;
  readonly delivery: DeliveryView;
}

/** What events mean to subscribers: the table of notification types. */
export interface Notifications {
  /** Whether this subscriber is to be told of it. */
  matches(interest: SolInterest, event: ManoEvent): boolean;
  /** The notification, as it is sent; null: this interface has no word for it. */
  bodyOf(subscriptionId: string, interest: SolInterest, event: ManoEvent): object | null;
}
