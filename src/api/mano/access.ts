import type { Role } from "../../model/token.ts";

/** The least role of each route, where tokens are asked for. A route that is not here is the administrator's. */
export const ACCESS: Readonly<Record<string, Role>> = {
  "GET /mano/v1/events": "viewer",

  "POST /mano/v1/descriptors": "operator",
  "GET /mano/v1/descriptors": "viewer",
  "GET /mano/v1/descriptors/:id": "viewer",
  "DELETE /mano/v1/descriptors/:id": "operator",

  "POST /mano/v1/ns_instances": "operator",
  "GET /mano/v1/ns_instances": "viewer",
  "GET /mano/v1/ns_instances/:id": "viewer",
  "DELETE /mano/v1/ns_instances/:id": "operator",
  "POST /mano/v1/ns_instances/:id/instantiate": "operator",
  "POST /mano/v1/ns_instances/:id/terminate": "operator",

  "GET /nsfm/v1/alarms": "viewer",
  "GET /nsfm/v1/alarms/:id": "viewer",
  "PATCH /nsfm/v1/alarms/:id": "operator",
  "GET /vnffm/v1/alarms": "viewer",
  "GET /vnffm/v1/alarms/:id": "viewer",
  "PATCH /vnffm/v1/alarms/:id": "operator",
  "POST /vnffm/v1/alarms/:id/escalate": "operator",
  ...subscriptionsOf("/nsd/v2", "/vnfpkgm/v2", "/nslcm/v2", "/vnflcm/v2", "/nsfm/v1", "/vnffm/v1"),

  ...performanceOf("/vnfpm/v2", "/nspm/v2"),

  "GET /mano/v1/alarms": "viewer",
  "GET /mano/v1/subscriptions": "viewer",

  "GET /mano/v1/failovers": "viewer",
  "GET /mano/v1/failovers/:id": "viewer",
  "GET /mano/v1/incidents": "viewer",
  "GET /mano/v1/incidents/:id": "viewer",
  "GET /mano/v1/protection_groups": "viewer",
  "GET /mano/v1/protection_groups/:id": "viewer",
  "POST /mano/v1/protection_groups/:id/command": "operator",
  "GET /mano/v1/vims": "viewer",
  "POST /mano/v1/vims": "admin",

  "POST /nslcm/v2/ns_instances": "operator",
  "GET /nslcm/v2/ns_instances": "viewer",
  "GET /nslcm/v2/ns_instances/:id": "viewer",
  "DELETE /nslcm/v2/ns_instances/:id": "operator",
  "POST /nslcm/v2/ns_instances/:id/instantiate": "operator",
  "POST /nslcm/v2/ns_instances/:id/terminate": "operator",
  "POST /nslcm/v2/ns_instances/:id/heal": "operator",
  "POST /nslcm/v2/ns_instances/:id/scale": "operator",
  "POST /nslcm/v2/ns_instances/:id/update": "operator",
  "GET /nslcm/v2/ns_lcm_op_occs": "viewer",
  "GET /nslcm/v2/ns_lcm_op_occs/:id": "viewer",
  "POST /nslcm/v2/ns_lcm_op_occs/:id/retry": "operator",
  "POST /nslcm/v2/ns_lcm_op_occs/:id/rollback": "operator",
  "POST /nslcm/v2/ns_lcm_op_occs/:id/continue": "operator",
  "POST /nslcm/v2/ns_lcm_op_occs/:id/fail": "operator",
  "POST /nslcm/v2/ns_lcm_op_occs/:id/cancel": "operator",

  "POST /vnflcm/v2/vnf_instances": "operator",
  "GET /vnflcm/v2/vnf_instances": "viewer",
  "GET /vnflcm/v2/vnf_instances/:id": "viewer",
  "PATCH /vnflcm/v2/vnf_instances/:id": "operator",
  "DELETE /vnflcm/v2/vnf_instances/:id": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/instantiate": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/terminate": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/heal": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/operate": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/scale": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/scale_to_level": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/change_flavour": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/change_ext_conn": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/change_vnfpkg": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/create_snapshot": "operator",
  "POST /vnflcm/v2/vnf_instances/:id/revert_to_snapshot": "operator",
  "GET /vnflcm/v2/vnf_lcm_op_occs": "viewer",
  "GET /vnflcm/v2/vnf_lcm_op_occs/:id": "viewer",
  "POST /vnflcm/v2/vnf_lcm_op_occs/:id/retry": "operator",
  "POST /vnflcm/v2/vnf_lcm_op_occs/:id/rollback": "operator",
  "POST /vnflcm/v2/vnf_lcm_op_occs/:id/fail": "operator",
  "POST /vnflcm/v2/vnf_lcm_op_occs/:id/cancel": "operator",
  "GET /vnflcm/v2/vnf_snapshots": "viewer",

  "POST /nsd/v2/ns_descriptors": "operator",
  "GET /nsd/v2/ns_descriptors": "viewer",
  "GET /nsd/v2/ns_descriptors/:id": "viewer",
  "PATCH /nsd/v2/ns_descriptors/:id": "operator",
  "DELETE /nsd/v2/ns_descriptors/:id": "operator",
  "PUT /nsd/v2/ns_descriptors/:id/nsd_content": "operator",
  "GET /nsd/v2/ns_descriptors/:id/nsd_content": "viewer",
  "GET /nsd/v2/ns_descriptors/:id/nsd": "viewer",
  "GET /nsd/v2/ns_descriptors/:id/manifest": "viewer",
  "GET /nsd/v2/ns_descriptors/:id/artifacts/*": "viewer",

  "POST /nsd/v2/pnf_descriptors": "operator",
  "GET /nsd/v2/pnf_descriptors": "viewer",
  "GET /nsd/v2/pnf_descriptors/:id": "viewer",
  "PATCH /nsd/v2/pnf_descriptors/:id": "operator",
  "DELETE /nsd/v2/pnf_descriptors/:id": "operator",
  "PUT /nsd/v2/pnf_descriptors/:id/pnfd_content": "operator",
  "GET /nsd/v2/pnf_descriptors/:id/pnfd_content": "viewer",
  "GET /nsd/v2/pnf_descriptors/:id/pnfd": "viewer",
  "GET /nsd/v2/pnf_descriptors/:id/manifest": "viewer",
  "GET /nsd/v2/pnf_descriptors/:id/artifacts/*": "viewer",

  "POST /vnfpkgm/v2/vnf_packages": "operator",
  "GET /vnfpkgm/v2/vnf_packages": "viewer",
  "GET /vnfpkgm/v2/vnf_packages/:id": "viewer",
  "PATCH /vnfpkgm/v2/vnf_packages/:id": "operator",
  "DELETE /vnfpkgm/v2/vnf_packages/:id": "operator",
  "PUT /vnfpkgm/v2/vnf_packages/:id/package_content": "operator",
  "POST /vnfpkgm/v2/vnf_packages/:id/package_content/upload_from_uri": "operator",
  "GET /vnfpkgm/v2/vnf_packages/:id/ext_artifacts_access": "viewer",
  "PUT /vnfpkgm/v2/vnf_packages/:id/ext_artifacts_access": "operator",
  "GET /vnfpkgm/v2/vnf_packages/:id/package_content": "viewer",
  "GET /vnfpkgm/v2/vnf_packages/:id/vnfd": "viewer",
  "GET /vnfpkgm/v2/vnf_packages/:id/manifest": "viewer",
  "GET /vnfpkgm/v2/vnf_packages/:id/artifacts": "viewer",
  "GET /vnfpkgm/v2/vnf_packages/:id/artifacts/*": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId/package_content": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId/vnfd": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId/manifest": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId/artifacts": "viewer",
  "GET /vnfpkgm/v2/onboarded_vnf_packages/:vnfdId/artifacts/*": "viewer",
};

/** Who subscribes has us send requests, which looking does not. */
function subscriptionsOf(...interfaces: readonly string[]): Record<string, Role> {
  return Object.fromEntries(
    interfaces.flatMap((at): [string, Role][] => [
      [`POST ${at}/subscriptions`, "operator"],
      [`GET ${at}/subscriptions`, "viewer"],
      [`GET ${at}/subscriptions/:id`, "viewer"],
      [`DELETE ${at}/subscriptions/:id`, "operator"],
    ]),
  );
}

function performanceOf(...interfaces: readonly string[]): Record<string, Role> {
  return Object.fromEntries(
    interfaces.flatMap((at): [string, Role][] => [
      ...["pm_jobs", "thresholds"].flatMap((what): [string, Role][] => [
        [`POST ${at}/${what}`, "operator"],
        [`GET ${at}/${what}`, "viewer"],
        [`GET ${at}/${what}/:id`, "viewer"],
        [`PATCH ${at}/${what}/:id`, "operator"],
        [`DELETE ${at}/${what}/:id`, "operator"],
      ]),
      [`GET ${at}/pm_jobs/:id/reports/:reportId`, "viewer"],
    ]),
  );
}
