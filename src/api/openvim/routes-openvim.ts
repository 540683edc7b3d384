import { Type } from "typebox";
import * as bodies from "./bodies.ts";
import * as catalogue from "./catalogue.ts";
import * as columns from "./columns.ts";
import * as controllers from "./controllers.ts";
import * as hosts from "./hosts.ts";
import * as networks from "./networks.ts";
import * as replies from "./replies.ts";
import type { Route } from "./route.ts";
import * as servers from "./servers.ts";

/** What OpenVIM has. Paths are below `/openvim`. */
export const OPENVIM_ROUTES: readonly Route[] = [
  { is: "GET /hosts", does: hosts.listHosts, says: "lists compute hosts", gives: replies.hosts, asks: columns.HOSTS },
  {
    is: "POST /hosts",
    does: hosts.postHost,
    says: "adds a compute host; `host-data` is laid over `host`",
    takes: bodies.hostNew,
    gives: replies.host,
    admin: "only",
  },
  {
    is: "GET /hosts/:id",
    does: hosts.getHost,
    says: "shows a host, by id or name, with what is in use of it",
    gives: replies.host,
  },
  {
    is: "PUT /hosts/:id",
    does: hosts.putHost,
    says: "changes a host: admin_state_up, its names, where its cards are cabled to",
    takes: bodies.hostEdit,
    gives: replies.host,
    admin: "only",
  },
  {
    is: "DELETE /hosts/:id",
    does: hosts.deleteHost,
    says: "removes a host that has no servers",
    gives: replies.result,
    admin: "only",
  },

  { is: "GET /tenants", does: catalogue.listTenants, says: "lists tenants", gives: replies.tenants, asks: columns.TENANTS },
  { is: "POST /tenants", does: catalogue.postTenant, says: "makes a tenant", takes: bodies.tenantNew, gives: replies.tenant },
  { is: "GET /tenants/:id", does: catalogue.getTenant, says: "shows a tenant", gives: replies.tenant },
  {
    is: "PUT /tenants/:id",
    does: catalogue.putTenant,
    says: "changes a tenant",
    takes: bodies.tenantEdit,
    gives: replies.tenant,
  },
  {
    is: "DELETE /tenants/:id",
    does: catalogue.deleteTenant,
    says: "deletes a tenant with nothing of its own but flavors and images, which go with it",
    gives: replies.result,
  },

  {
    is: "GET /:tenant/flavors",
    does: catalogue.listFlavors,
    says: "lists the flavors this tenant sees",
    gives: replies.flavors,
    asks: columns.FLAVORS,
  },
  {
    is: "POST /:tenant/flavors",
    does: catalogue.postFlavor,
    says: "makes a flavor",
    takes: bodies.flavorNew,
    gives: replies.flavor,
  },
  {
    is: "GET /:tenant/flavors/:id",
    does: catalogue.getFlavor,
    says: "shows a flavor",
    gives: replies.flavor,
    asks: columns.FLAVOR,
  },
  {
    is: "PUT /:tenant/flavors/:id",
    does: catalogue.putFlavor,
    says: "changes a flavor; a public one is the administrator's",
    takes: bodies.flavorEdit,
    gives: replies.flavor,
    admin: "sometimes",
  },
  {
    is: "DELETE /:tenant/flavors/:id",
    does: catalogue.deleteFlavor,
    says: "gives the tenant's link to a flavor back; a private one goes with its last link, with `any` at once",
    gives: replies.result,
  },
  {
    is: "POST /:tenant/flavors/:id/:action",
    does: catalogue.attachFlavor,
    says: "`attach` or `detach`: whether the tenant has a link; to a private flavor the administrator gives it",
    gives: Type.Union([replies.flavor, replies.result]),
    admin: "sometimes",
  },

  {
    is: "GET /:tenant/images",
    does: catalogue.listImages,
    says: "lists the images this tenant sees",
    gives: replies.images,
    asks: columns.IMAGES,
  },
  {
    is: "POST /:tenant/images",
    does: catalogue.postImage,
    says: "makes an image from a path",
    takes: bodies.imageNew,
    gives: replies.image,
  },
  { is: "GET /:tenant/images/:id", does: catalogue.getImage, says: "shows an image", gives: replies.image, asks: columns.IMAGE },
  {
    is: "PUT /:tenant/images/:id",
    does: catalogue.putImage,
    says: "changes an image; a public one is the administrator's",
    takes: bodies.imageEdit,
    gives: replies.image,
    admin: "sometimes",
  },
  {
    is: "DELETE /:tenant/images/:id",
    does: catalogue.deleteImage,
    says: "gives the tenant's link to an image back, as of flavors",
    gives: replies.result,
  },
  {
    is: "POST /:tenant/images/:id/:action",
    does: catalogue.attachImage,
    says: "`attach` or `detach`, as of flavors",
    gives: Type.Union([replies.image, replies.result]),
    admin: "sometimes",
  },

  {
    is: "GET /:tenant/servers",
    does: servers.listServers,
    says: "lists the tenant's servers, with `any` all",
    gives: replies.servers,
    asks: columns.SERVERS,
  },
  {
    is: "POST /:tenant/servers",
    does: servers.postServer,
    says: "makes a server: places it at once, and starts it after the answer",
    takes: bodies.serverNew,
    gives: replies.server,
  },
  { is: "GET /:tenant/servers/:id", does: servers.getServer, says: "shows a server", gives: replies.server },
  {
    is: "DELETE /:tenant/servers/:id",
    does: servers.deleteServer,
    says: "deletes a server; after the answer its guest is asked to shut down and has ten seconds",
    flags: { force: "its guest is asked nothing: it is switched off at once" },
    gives: replies.result,
  },
  {
    is: "POST /:tenant/servers/:id/action",
    does: servers.postAction,
    says: "does exactly one thing with a server, after the answer",
    takes: bodies.serverAction,
    gives: replies.acted,
  },

  {
    is: "GET /networks",
    does: networks.listNetworks,
    says: "lists networks, which everybody sees",
    gives: replies.networks,
    asks: columns.NETWORKS,
  },
  { is: "POST /networks", does: networks.postNetwork, says: "makes a network", takes: bodies.networkNew, gives: replies.network },
  {
    is: "GET /networks/:id",
    does: networks.getNetwork,
    says: "shows a network with its ports and flow entries",
    gives: replies.network,
  },
  {
    is: "PUT /networks/:id",
    does: networks.putNetwork,
    says: "changes a network; the answer is its bare id",
    takes: bodies.networkEdit,
    gives: replies.networkId,
  },
  {
    is: "DELETE /networks/:id",
    does: networks.deleteNetwork,
    says: "deletes a network without ports; one that is not there is no error",
    gives: replies.nothing,
  },
  {
    is: "GET /networks/:id/openflow",
    does: networks.getOpenflow,
    says: "lists the flow entries of a network, or with `all` of every one",
    gives: replies.rules,
  },
  {
    is: "PUT /networks/:id/openflow",
    does: networks.putOpenflow,
    says: "compares the switch with the networks and writes what differs",
    gives: replies.result,
    admin: "only",
  },
  {
    is: "DELETE /networks/clear/openflow",
    does: networks.clearOpenflow,
    says: "takes all entries out of the switch until something changes",
    gives: replies.result,
    admin: "only",
  },
  {
    is: "DELETE /networks/openflow/clear",
    does: networks.clearOpenflow,
    says: "as `/networks/clear/openflow`, in the spelling of version 1.0",
    gives: replies.result,
    admin: "only",
  },
  {
    is: "DELETE /networks/clear/openflow/:ofc",
    does: networks.clearOpenflow,
    says: "takes our entries out of the switch behind this controller until something changes",
    gives: replies.result,
    admin: "only",
  },
  {
    is: "GET /networks/openflow/ports",
    does: networks.openflowPorts,
    says: "lists the ports of the switch",
    gives: replies.switchPorts,
  },
  {
    is: "GET /networks/openflow/ports/:ofc",
    does: networks.openflowPorts,
    says: "lists the ports of the switch behind this controller",
    gives: replies.switchPorts,
  },

  {
    is: "GET /openflow/controller",
    does: controllers.listControllers,
    says: "lists the controllers of others through which switches are led",
    gives: replies.ofcs,
    asks: columns.OFCS,
  },
  {
    is: "POST /openflow/controller",
    does: controllers.postController,
    says: "adds a controller, and leads its switch through it from now on; in the original with a slash at the end",
    takes: bodies.ofc,
    gives: replies.ofc,
  },
  {
    is: "GET /openflow/controller/:id",
    does: controllers.getController,
    says: "shows a controller, and whether its switch can be led now",
    gives: replies.ofc,
  },
  {
    is: "PUT /openflow/controller/:id",
    does: controllers.putController,
    says: "describes a controller anew; a password that is left out stays; the answer is what was sent",
    takes: bodies.ofc,
    gives: replies.ofcEcho,
  },
  {
    is: "DELETE /openflow/controller/:id",
    does: controllers.deleteController,
    says: "removes a controller whose switch has no ports here; what stands in the switch stays",
    gives: replies.result,
  },
  {
    is: "GET /openflow/mapping",
    does: controllers.listMappings,
    says: "lists which switch ports the cards of compute nodes are cabled to",
    gives: replies.portMappings,
    asks: columns.OF_PORT_MAPPINGS,
  },
  {
    is: "POST /openflow/mapping",
    does: controllers.postMappings,
    says: "adds such mappings, all or none; servers made from then on follow them",
    takes: bodies.portMappings,
    gives: replies.portMappings,
  },
  {
    is: "DELETE /openflow/mapping/:region",
    does: controllers.deleteMappings,
    says: "removes the mappings of a region",
    gives: replies.result,
  },

  { is: "GET /ports", does: networks.listPorts, says: "lists ports", gives: replies.ports, asks: columns.PORTS },
  {
    is: "POST /ports",
    does: networks.postPort,
    says: "makes an external port: where a cable enters the switch",
    takes: bodies.portNew,
    gives: replies.port,
    admin: "only",
  },
  { is: "GET /ports/:id", does: networks.getPort, says: "shows a port", gives: replies.port },
  {
    is: "PUT /ports/:id",
    does: networks.putPort,
    says: "renames a port, moves it to another network, with null to none; BFD on it; what it may send",
    takes: bodies.portEdit,
    gives: replies.port,
    admin: "sometimes",
  },
  { is: "DELETE /ports/:id", does: networks.deletePort, says: "deletes an external port", gives: replies.result, admin: "only" },
];
