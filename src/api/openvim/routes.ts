import type { Call } from "./call.ts";
import * as catalogue from "./catalogue.ts";
import * as hosts from "./hosts.ts";
import * as networks from "./networks.ts";
import * as paths from "./paths.ts";
import * as protections from "./protections.ts";
import * as servers from "./servers.ts";
import * as subscriptions from "./subscriptions.ts";

export interface Route {
  readonly is: `${"GET" | "POST" | "PUT" | "DELETE"} /${string}`;
  /** The value to answer, always with status 200 as in OpenVIM. */
  readonly does: (call: Call) => unknown;
}

/** OpenVIM's API as far as it is built, with the additions of the dissertation and of ours. Paths are below `/openvim`. */
export const ROUTES: readonly Route[] = [
  { is: "GET /hosts", does: hosts.listHosts },
  { is: "POST /hosts", does: hosts.postHost },
  { is: "GET /hosts/:id", does: hosts.getHost },
  { is: "PUT /hosts/:id", does: hosts.putHost },
  { is: "DELETE /hosts/:id", does: hosts.deleteHost },

  { is: "GET /tenants", does: catalogue.listTenants },
  { is: "POST /tenants", does: catalogue.postTenant },
  { is: "GET /tenants/:id", does: catalogue.getTenant },
  { is: "PUT /tenants/:id", does: catalogue.putTenant },
  { is: "DELETE /tenants/:id", does: catalogue.deleteTenant },

  { is: "GET /:tenant/flavors", does: catalogue.listFlavors },
  { is: "POST /:tenant/flavors", does: catalogue.postFlavor },
  { is: "GET /:tenant/flavors/:id", does: catalogue.getFlavor },
  { is: "PUT /:tenant/flavors/:id", does: catalogue.putFlavor },
  { is: "DELETE /:tenant/flavors/:id", does: catalogue.deleteFlavor },
  { is: "POST /:tenant/flavors/:id/:action", does: catalogue.attachFlavor },

  { is: "GET /:tenant/images", does: catalogue.listImages },
  { is: "POST /:tenant/images", does: catalogue.postImage },
  { is: "GET /:tenant/images/:id", does: catalogue.getImage },
  { is: "PUT /:tenant/images/:id", does: catalogue.putImage },
  { is: "DELETE /:tenant/images/:id", does: catalogue.deleteImage },
  { is: "POST /:tenant/images/:id/:action", does: catalogue.attachImage },

  { is: "GET /:tenant/servers", does: servers.listServers },
  { is: "POST /:tenant/servers", does: servers.postServer },
  { is: "GET /:tenant/servers/:id", does: servers.getServer },
  { is: "DELETE /:tenant/servers/:id", does: servers.deleteServer },
  { is: "POST /:tenant/servers/:id/action", does: servers.postAction },

  { is: "GET /networks", does: networks.listNetworks },
  { is: "POST /networks", does: networks.postNetwork },
  { is: "GET /networks/:id", does: networks.getNetwork },
  { is: "PUT /networks/:id", does: networks.putNetwork },
  { is: "DELETE /networks/:id", does: networks.deleteNetwork },
  { is: "GET /networks/:id/openflow", does: networks.getOpenflow },
  { is: "PUT /networks/:id/openflow", does: networks.putOpenflow },
  { is: "DELETE /networks/clear/openflow", does: networks.clearOpenflow },
  { is: "DELETE /networks/openflow/clear", does: networks.clearOpenflow }, // As version 1.0 has it.
  { is: "GET /networks/openflow/ports", does: networks.openflowPorts },

  // The dissertation's (4.3, 4.4, 7.2), in both of its spellings.
  { is: "GET /networks/:id/bind", does: networks.getBind },
  { is: "GET /networks/:id/connection", does: networks.getConnection },
  { is: "PUT /networks/:id/:bindId", does: networks.putBind },
  { is: "PUT /networks/:id/:bindId/:copyId", does: networks.putBind },
  { is: "PUT /network/:id/:bindId", does: networks.putBind },
  { is: "DELETE /networks/:id/:bindId", does: networks.deleteBind },

  { is: "GET /ports", does: networks.listPorts },
  { is: "POST /ports", does: networks.postPort },
  { is: "GET /ports/:id", does: networks.getPort },
  { is: "PUT /ports/:id", does: networks.putPort },
  { is: "DELETE /ports/:id", does: networks.deletePort },

  // Ours: whether packets pass where binds lead.
  { is: "GET /paths", does: paths.listPaths },

  // Ours: who is told of events by requests to a callback (ETSI NFV-MAN 001, 5.7.7).
  { is: "GET /subscriptions", does: subscriptions.listSubscriptions },
  { is: "POST /subscriptions", does: subscriptions.postSubscription },
  { is: "GET /subscriptions/:id", does: subscriptions.getSubscription },
  { is: "DELETE /subscriptions/:id", does: subscriptions.deleteSubscription },

  // Ours: what the MANO has decided beforehand, and closing a member's port by command.
  { is: "GET /protections", does: protections.listProtections },
  { is: "GET /protections/:id", does: protections.getProtection },
  { is: "PUT /protections/:id", does: protections.putProtection },
  { is: "DELETE /protections/:id", does: protections.deleteProtection },
  { is: "PUT /protections/:id/fence/:memberId", does: protections.putFence },
  { is: "DELETE /protections/:id/fence/:memberId", does: protections.deleteFence },
];
