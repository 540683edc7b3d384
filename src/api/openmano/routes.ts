import type { Role } from "../../model/token.ts";
import { attach, changeAttachment, detach, getVimAccount, listVimAccounts } from "./attachments.ts";
import type { Call } from "./call.ts";
import {
  changeDatacenter,
  clearSdnMapping,
  deleteDatacenter,
  getDatacenter,
  getSdnMapping,
  listDatacenters,
  makeDatacenter,
  setSdnMapping,
} from "./datacenters.ts";
import { actOnInstance } from "./instance-actions.ts";
import { actOnScenario, deleteInstance, getInstance, listActions, listInstances, makeInstance } from "./instances.ts";
import { actOnDatacenter, changeNetmap, deleteNetmaps, getNetmap, importNetmaps, listNetmaps, makeNetmap } from "./netmaps.ts";
import { changeScenario, deleteScenario, getScenario, listScenarios, makeScenario } from "./scenarios.ts";
import {
  changeSdnController,
  deleteSdnController,
  getSdnController,
  listNoWims,
  listSdnControllers,
  makeSdnController,
  refuseWim,
} from "./sdn.ts";
import { changeTenant, deleteTenant, getTenant, listTenants, makeTenant } from "./tenants.ts";
import { attachOutside, deleteVimItem, detachOutside, getVimItem, listVimItems, makeVimItem } from "./vim-items.ts";
import { deleteVnf, getVnf, listVnfs, makeVnf } from "./vnfs.ts";

export interface Route {
  readonly is: `${"GET" | "POST" | "PUT" | "DELETE"} /${string}`;
  /** The least role, where tokens are asked for. */
  readonly for: Role;
  /** The value to answer, always with status 200 as in OpenMANO. */
  readonly does: (call: Call) => unknown;
}

const DATACENTER = "/:tenant/datacenters/:datacenter";

/** OpenMANO's API on one screen, below `/openmano`. */
export const ROUTES: readonly Route[] = [
  { is: "GET /tenants", for: "viewer", does: listTenants },
  { is: "POST /tenants", for: "admin", does: makeTenant },
  { is: "GET /tenants/:tenant", for: "viewer", does: getTenant },
  { is: "PUT /tenants/:tenant", for: "admin", does: changeTenant },
  { is: "DELETE /tenants/:tenant", for: "admin", does: deleteTenant },

  { is: "POST /datacenters", for: "admin", does: makeDatacenter },
  { is: "PUT /datacenters/:datacenter", for: "admin", does: changeDatacenter },
  { is: "DELETE /datacenters/:datacenter", for: "admin", does: deleteDatacenter },
  { is: "GET /:tenant/datacenters", for: "viewer", does: listDatacenters },
  { is: `GET ${DATACENTER}`, for: "viewer", does: getDatacenter },
  { is: `POST ${DATACENTER}`, for: "admin", does: attach },
  { is: `PUT ${DATACENTER}`, for: "admin", does: changeAttachment },
  { is: `DELETE ${DATACENTER}`, for: "admin", does: detach },
  { is: "GET /:tenant/vim_accounts", for: "viewer", does: listVimAccounts },
  { is: "GET /:tenant/vim_accounts/:datacenter", for: "viewer", does: getVimAccount },
  { is: "POST /:tenant/vim_accounts/:datacenter", for: "admin", does: attach },
  { is: "PUT /:tenant/vim_accounts/:datacenter", for: "admin", does: changeAttachment },
  { is: "DELETE /:tenant/vim_accounts/:datacenter", for: "admin", does: detach },
  { is: `POST ${DATACENTER}/action`, for: "operator", does: actOnDatacenter },
  { is: `GET ${DATACENTER}/sdn_mapping`, for: "viewer", does: getSdnMapping },
  { is: `POST ${DATACENTER}/sdn_mapping`, for: "admin", does: setSdnMapping },
  { is: `DELETE ${DATACENTER}/sdn_mapping`, for: "admin", does: clearSdnMapping },

  // `networks` is an older word for netmaps.
  ...["netmaps", "networks"].flatMap((netmaps): Route[] => [
    { is: `GET ${DATACENTER}/${netmaps}`, for: "viewer", does: listNetmaps },
    { is: `POST ${DATACENTER}/${netmaps}`, for: "operator", does: makeNetmap },
    { is: `DELETE ${DATACENTER}/${netmaps}`, for: "operator", does: deleteNetmaps },
    { is: `POST ${DATACENTER}/${netmaps}/upload`, for: "operator", does: importNetmaps },
    { is: `GET ${DATACENTER}/${netmaps}/:netmap`, for: "viewer", does: getNetmap },
    { is: `PUT ${DATACENTER}/${netmaps}/:netmap`, for: "operator", does: changeNetmap },
    { is: `DELETE ${DATACENTER}/${netmaps}/:netmap`, for: "operator", does: deleteNetmaps },
  ]),

  // Tenants of a VIM are everybody's, and so are its nets where they are named by hand.
  { is: "GET /:tenant/vim/:datacenter/:item", for: "viewer", does: listVimItems },
  { is: "GET /:tenant/vim/:datacenter/:item/:name", for: "viewer", does: getVimItem },
  { is: "POST /:tenant/vim/:datacenter/:item", for: "admin", does: makeVimItem },
  { is: "DELETE /:tenant/vim/:datacenter/:item/:name", for: "admin", does: deleteVimItem },
  { is: "POST /:tenant/vim/:datacenter/network/:name/attach", for: "admin", does: attachOutside },
  { is: "DELETE /:tenant/vim/:datacenter/network/:name/detach", for: "admin", does: detachOutside },
  { is: "DELETE /:tenant/vim/:datacenter/network/:name/detach/:port", for: "admin", does: detachOutside },

  { is: "GET /:tenant/sdn_controllers", for: "viewer", does: listSdnControllers },
  { is: "POST /:tenant/sdn_controllers", for: "admin", does: makeSdnController },
  { is: "GET /:tenant/sdn_controllers/:controller", for: "viewer", does: getSdnController },
  { is: "PUT /:tenant/sdn_controllers/:controller", for: "admin", does: changeSdnController },
  { is: "DELETE /:tenant/sdn_controllers/:controller", for: "admin", does: deleteSdnController },
  { is: "GET /:tenant/wims", for: "viewer", does: listNoWims },
  { is: "POST /wims", for: "admin", does: refuseWim },
  { is: "POST /:tenant/wims/:wim", for: "admin", does: refuseWim },

  { is: "GET /:tenant/vnfs", for: "viewer", does: listVnfs },
  { is: "POST /:tenant/vnfs", for: "operator", does: makeVnf },
  { is: "GET /:tenant/vnfs/:vnf", for: "viewer", does: getVnf },
  { is: "DELETE /:tenant/vnfs/:vnf", for: "operator", does: deleteVnf },

  { is: "GET /:tenant/scenarios", for: "viewer", does: listScenarios },
  { is: "POST /:tenant/scenarios", for: "operator", does: makeScenario },
  { is: "GET /:tenant/scenarios/:scenario", for: "viewer", does: getScenario },
  { is: "PUT /:tenant/scenarios/:scenario", for: "operator", does: changeScenario },
  { is: "DELETE /:tenant/scenarios/:scenario", for: "operator", does: deleteScenario },
  { is: "POST /:tenant/scenarios/:scenario/action", for: "operator", does: actOnScenario },

  { is: "GET /:tenant/instances", for: "viewer", does: listInstances },
  { is: "POST /:tenant/instances", for: "operator", does: makeInstance },
  { is: "GET /:tenant/instances/:instance", for: "viewer", does: getInstance },
  { is: "DELETE /:tenant/instances/:instance", for: "operator", does: deleteInstance },
  { is: "GET /:tenant/instances/:instance/action", for: "viewer", does: listActions },
  { is: "GET /:tenant/instances/:instance/action/:action", for: "viewer", does: listActions },
  { is: "POST /:tenant/instances/:instance/action", for: "operator", does: actOnInstance },
];
