import { nameUuid } from "../../lib/name-uuid.ts";
import type { ManoEvent } from "../../model/mano-event.ts";
import type { Notifications, NotifyingInterface, SolInterest } from "../../model/sol-subscription.ts";
import { withAbsoluteLinks } from "./address.ts";
import { faultNote } from "./fault-notifications.ts";
import { nsLifeCycleNote, vnfLifeCycleNote } from "./life-cycle-notifications.ts";
import { type Facts, letsPass } from "./notification-facts.ts";
import { nsdNote, packageNote, pnfdNote } from "./package-notifications.ts";

/** One notification, without what all of them have. Links begin at the API's root. */
export interface Note {
  readonly type: string;
  /** What filters ask for. */
  readonly facts: Facts;
  readonly body: object;
  readonly links: Readonly<Record<string, string>>;
}

/** What an event is in the words of an interface; null: it has none for it. */
type Wording = (event: ManoEvent, interest: SolInterest) => Note | null;

interface Dialect {
  readonly note: Wording;
  /** SOL005 writes the time of life cycle notifications in one word. */
  readonly time: "timeStamp" | "timestamp";
  readonly subscriptions: string;
}

/** The table of notification types: for each interface, what it says of an event. */
const DIALECTS: Readonly<Record<NotifyingInterface, Dialect>> = {
  nsd: { note: (event) => nsdNote(event) ?? pnfdNote(event), time: "timeStamp", subscriptions: "/nsd/v2/subscriptions" },
  vnfpkgm: { note: packageNote, time: "timeStamp", subscriptions: "/vnfpkgm/v2/subscriptions" },
  nslcm: { note: nsLifeCycleNote, time: "timestamp", subscriptions: "/nslcm/v2/subscriptions" },
  vnflcm: { note: vnfLifeCycleNote, time: "timeStamp", subscriptions: "/vnflcm/v2/subscriptions" },
  nsfm: { note: (event) => faultNote("nsfm", event), time: "timeStamp", subscriptions: "/nsfm/v1/subscriptions" },
  vnffm: { note: (event) => faultNote("vnffm", event), time: "timeStamp", subscriptions: "/vnffm/v1/subscriptions" },
};

/**
 * How a subscription is called in its interface. SOL005's package management defines this identifier as a URI, and no other interface does:
 * there it is a URN of the same UUID (RFC 9562).
 */
export const subscriptionIdIn = (of: NotifyingInterface, id: string): string =>
  of === "vnfpkgm" ? `${URN}${id.replace(URN, "")}` : id;
const URN = "urn:uuid:";

/** The one in the store, whichever way it was written. */
export const keptIdOf = (shown: string): string => shown.replace(URN, "");

export const subscriptionsAt = (of: NotifyingInterface): string => DIALECTS[of].subscriptions;

export const NOTIFICATIONS: Notifications = {
  matches(interest, event) {
    const note = DIALECTS[interest.interface].note(event, interest);
    return note !== null && letsPass(interest.filter, note.facts);
  },

  bodyOf(subscriptionId, interest, event) {
    const { note: wording, time, subscriptions } = DIALECTS[interest.interface];
    const note = wording(event, interest);
    if (note === null) return null;
    const shownId = subscriptionIdIn(interest.interface, subscriptionId);
    const links = { ...note.links, subscription: `${subscriptions}/${shownId}` };
    const whole = {
      // The same for all subscribers, and when it is sent again: by it a receiver knows what it has had.
      id: nameUuid(`${interest.interface} ${event.seq} ${event.at}`),
      notificationType: note.type,
      subscriptionId: shownId,
      [time]: event.at,
      ...note.body,
      _links: Object.fromEntries(Object.entries(links).map(([name, href]) => [name, { href }])),
    };
    return withAbsoluteLinks(whole, interest.apiRoot) as object;
  },
};
