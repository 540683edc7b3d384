import * as bodies from "./bodies.ts";
import * as columns from "./columns.ts";
import * as counters from "./counters.ts";
import * as networks from "./networks.ts";
import * as paths from "./paths.ts";
import * as protections from "./protections.ts";
import * as replies from "./replies.ts";
import * as our from "./replies-ours.ts";
import type { Route } from "./route.ts";
import * as subscriptions from "./subscriptions.ts";
import * as usage from "./usage.ts";

/** What OpenVIM does not have. Paths are below `/openvim`. */
export const OUR_ROUTES: readonly Route[] = [
  // The dissertation's (4.3, 4.4, 7.2), in both of its spellings.
  {
    is: "GET /networks/:id/bind",
    does: networks.getBind,
    says: "lists the networks that are bound to this one",
    gives: replies.boundNets,
    ours: true,
  },
  {
    is: "GET /networks/:id/connection",
    does: networks.getConnection,
    says: "tells the network on the switch that this one is cabled to",
    gives: replies.connection,
    ours: true,
  },
  {
    is: "PUT /networks/:id/:bindId",
    does: networks.putBind,
    says: "leads this network into that one: the switch-over; answered when the switch has confirmed",
    gives: replies.applied,
    ours: true,
  },
  {
    is: "PUT /networks/:id/:bindId/:copyId",
    does: networks.putBind,
    says: "leads this network into two at once (1+1)",
    gives: replies.applied,
    ours: true,
  },
  {
    is: "PUT /network/:id/:bindId",
    does: networks.putBind,
    says: "as `PUT /networks/{id}/{bindId}`",
    gives: replies.applied,
    ours: true,
  },
  {
    is: "DELETE /networks/:id/:bindId",
    does: networks.deleteBind,
    says: "leads this network nowhere",
    gives: replies.unbound,
    ours: true,
  },

  // Ours: whether packets pass where binds lead.
  {
    is: "GET /paths",
    does: paths.listPaths,
    says: "tells of each bind whether packets were seen to pass",
    gives: our.paths,
    ours: true,
  },

  // Ours: what ports have carried.
  {
    is: "GET /counters",
    does: counters.listCounters,
    says: "tells what every port has carried, as its switch counts it: all of them by one request",
    gives: our.counters,
    ours: true,
  },
  {
    is: "GET /ports/:id/counters",
    does: counters.getCounters,
    says: "tells what this port has carried",
    gives: our.portCounters,
    ours: true,
  },

  // Ours: what servers have taken.
  {
    is: "GET /usage",
    does: usage.listUsage,
    says: "tells what every server has taken of its compute host, as that counts it: all of them by one request",
    gives: our.usage,
    ours: true,
  },

  // Ours: how this VIM itself is.
  {
    is: "GET /condition",
    does: paths.getCondition,
    says: "tells whether this VIM leads its switch, can write its store, and whose opinions count",
    gives: our.condition,
    ours: true,
  },

  // Ours: who is told of events by requests to a callback (ETSI NFV-MAN 001, 5.7.7).
  {
    is: "GET /subscriptions",
    does: subscriptions.listSubscriptions,
    says: "lists subscriptions with how far each has come",
    gives: our.subscriptions,
    asks: columns.SUBSCRIPTIONS,
    ours: true,
  },
  {
    is: "POST /subscriptions",
    does: subscriptions.postSubscription,
    says: "subscribes a callback to events; answered when the callback has been asked",
    takes: subscriptions.subscriptionNew,
    gives: our.subscription,
    ours: true,
  },
  {
    is: "GET /subscriptions/:id",
    does: subscriptions.getSubscription,
    says: "shows a subscription",
    gives: our.subscription,
    ours: true,
  },
  {
    is: "DELETE /subscriptions/:id",
    does: subscriptions.deleteSubscription,
    says: "ends a subscription",
    gives: replies.result,
    ours: true,
  },

  // Ours: what the MANO has decided beforehand, and closing a member's port by command.
  { is: "GET /protections", does: protections.listProtections, says: "lists what is armed", gives: our.protections, ours: true },
  {
    is: "GET /protections/:id",
    does: protections.getProtection,
    says: "shows what is armed for a group, and whether it would fire now",
    gives: our.protection,
    ours: true,
  },
  {
    is: "PUT /protections/:id",
    does: protections.putProtection,
    says: "arms plans for each member's failure, or replaces an older revision",
    takes: bodies.protectionPut,
    gives: our.protection,
    ours: true,
  },
  { is: "DELETE /protections/:id", does: protections.deleteProtection, says: "disarms", gives: replies.result, ours: true },
  {
    is: "PUT /protections/:id/fence/:memberId",
    does: protections.putFence,
    says: "closes a member's port and moves what its plan can move",
    flags: { unless_last: "only where another member could take over, else 409" },
    gives: our.protection,
    ours: true,
  },
  {
    is: "DELETE /protections/:id/fence/:memberId",
    does: protections.deleteFence,
    says: "opens it again",
    gives: our.protection,
    ours: true,
  },
];
