import type { Role } from "../../model/token.ts";

/**
 * The least role of each route, where tokens are asked for. A viewer and an operator reach their own tenant's things only
 * (`tenant-doors.ts`); `admin` is what is nobody's, or everybody's. A route that is not here is the administrator's.
 */
export const ACCESS: Readonly<Record<string, Role>> = {
  "GET /events": "viewer",
  "GET /openapi.json": "viewer",
  "GET /docs": "viewer",

  "GET /hosts": "admin",
  "POST /hosts": "admin",
  "GET /hosts/:id": "admin",
  "PUT /hosts/:id": "admin",
  "DELETE /hosts/:id": "admin",

  "GET /tenants": "viewer",
  "POST /tenants": "admin",
  "GET /tenants/:id": "viewer",
  "PUT /tenants/:id": "admin",
  "DELETE /tenants/:id": "admin",

  "GET /:tenant/flavors": "viewer",
  "POST /:tenant/flavors": "operator",
  "GET /:tenant/flavors/:id": "viewer",
  "PUT /:tenant/flavors/:id": "operator",
  "DELETE /:tenant/flavors/:id": "operator",
  "POST /:tenant/flavors/:id/:action": "operator",

  "GET /:tenant/images": "viewer",
  "POST /:tenant/images": "operator",
  "GET /:tenant/images/:id": "viewer",
  "PUT /:tenant/images/:id": "operator",
  "DELETE /:tenant/images/:id": "operator",
  "POST /:tenant/images/:id/:action": "operator",

  "GET /:tenant/servers": "viewer",
  "POST /:tenant/servers": "operator",
  "GET /:tenant/servers/:id": "viewer",
  "DELETE /:tenant/servers/:id": "operator",
  "POST /:tenant/servers/:id/action": "operator",

  "GET /networks": "viewer",
  "POST /networks": "operator",
  "GET /networks/:id": "viewer",
  "PUT /networks/:id": "operator",
  "DELETE /networks/:id": "operator",
  "GET /networks/:id/openflow": "viewer",
  "PUT /networks/:id/openflow": "admin",
  "DELETE /networks/clear/openflow": "admin",
  "DELETE /networks/openflow/clear": "admin",
  "DELETE /networks/clear/openflow/:ofc": "admin",
  "GET /networks/openflow/ports": "admin",
  "GET /networks/openflow/ports/:ofc": "admin",
  "GET /networks/:id/bind": "viewer",
  "GET /networks/:id/connection": "viewer",
  "PUT /networks/:id/:bindId": "operator",
  "PUT /networks/:id/:bindId/:copyId": "operator",
  "PUT /network/:id/:bindId": "operator",
  "DELETE /networks/:id/:bindId": "operator",

  "GET /ports": "viewer",
  "POST /ports": "admin",
  "GET /ports/:id": "viewer",
  "PUT /ports/:id": "operator",
  "DELETE /ports/:id": "admin",

  "GET /openflow/controller": "admin",
  "POST /openflow/controller": "admin",
  "GET /openflow/controller/:id": "admin",
  "PUT /openflow/controller/:id": "admin",
  "DELETE /openflow/controller/:id": "admin",
  "GET /openflow/mapping": "admin",
  "POST /openflow/mapping": "admin",
  "DELETE /openflow/mapping/:region": "admin",

  "GET /paths": "viewer",
  "GET /counters": "viewer",
  "GET /ports/:id/counters": "viewer",
  "GET /usage": "viewer",
  "GET /condition": "admin",

  "GET /subscriptions": "viewer",
  "POST /subscriptions": "operator",
  "GET /subscriptions/:id": "viewer",
  "DELETE /subscriptions/:id": "operator",

  "GET /protections": "admin",
  "GET /protections/:id": "admin",
  "PUT /protections/:id": "admin",
  "DELETE /protections/:id": "admin",
  "PUT /protections/:id/fence/:memberId": "admin",
  "DELETE /protections/:id/fence/:memberId": "admin",
};

/** What a token must be good for. Of the administrator's port it is always `admin`. */
export const roleFor = (route: string, isAdmin: boolean): Role => (isAdmin ? "admin" : (ACCESS[route] ?? "admin"));
