import type { ManoEvent } from "../../model/mano-event.ts";
import type { PackageChange } from "../../model/package.ts";
import type { Facts } from "./notification-facts.ts";
import type { Note } from "./notifications.ts";
import { nsdAt } from "./nsd-view.ts";
import { pnfdAt } from "./pnfd-view.ts";
import { packageAt } from "./vnf-package-view.ts";

/** SOL005 5.5.2.9 to 5.5.2.12: what is told of NSDs. */
export function nsdNote(event: ManoEvent): Note | null {
  if (event.type !== "nsd.changed") return null;
  const { id, change, about, operational, failure } = event;
  const nsdId = about === null ? {} : { nsdId: about.descriptorId };
  const note = (type: string, body: object): Note => ({
    type,
    facts: nsdFacts(type, event),
    body: { nsdInfoId: id, ...nsdId, ...body },
    links: { nsdInfo: nsdAt(id) },
  });
  if (change === "failed") return note("NsdOnBoardingFailureNotification", { onboardingFailureDetails: failure });
  if (about === null) return null; // One that never was on board has no id to be told by.
  if (change === "onboarded") return note("NsdOnBoardingNotification", {});
  if (change === "operational") return note("NsdChangeNotification", { nsdOperationalState: operational });
  return note("NsdDeletionNotification", {});
}

const nsdFacts = (type: string, { id, about, operational }: PackageChange): Facts => ({
  // The definition of the filter writes one type otherwise than that of the notification.
  notificationTypes: [type, type.replace("OnBoardingFailure", "OnboardingFailure")],
  nsdInfoId: [id],
  nsdOperationalState: [operational],
  nsdId: about ? [about.descriptorId] : [],
  nsdInvariantId: about ? [about.descriptorId] : [],
  nsdName: about ? [about.name] : [],
  nsdVersion: about ? [about.version] : [],
  nsdDesigner: about?.provider ? [about.provider] : [],
});

/** SOL005 5.5.2.13 to 5.5.2.15: what is told of PNFDs. */
export function pnfdNote(event: ManoEvent): Note | null {
  if (event.type !== "pnfd.changed") return null;
  const { id, change, about, failure } = event;
  const pnfdId = about === null ? {} : { pnfdId: about.descriptorId };
  const note = (type: string, body: object): Note => ({
    type,
    facts: pnfdFacts(type, event),
    body: { pnfdInfoId: id, ...pnfdId, ...body },
    links: { pnfdInfo: pnfdAt(id) },
  });
  if (change === "failed") return note("PnfdOnBoardingFailureNotification", { onboardingFailureDetails: failure });
  if (about === null || change === "operational") return null;
  return note(change === "onboarded" ? "PnfdOnBoardingNotification" : "PnfdDeletionNotification", {});
}

const pnfdFacts = (type: string, { id, about }: PackageChange): Facts => ({
  notificationTypes: [type],
  pnfdInfoIds: [id],
  pnfdId: about ? [about.descriptorId] : [],
  pnfdInvariantId: about ? [about.descriptorId] : [],
  pnfdName: about ? [about.name] : [],
  pnfdVersion: about ? [about.version] : [],
  pnfdProvider: about?.provider ? [about.provider] : [],
});

/** SOL005 9.5.2.8 and 9.5.2.9, SOL003 10.5.2.5 and 10.5.2.6: what is told of VNF packages. */
export function packageNote(event: ManoEvent): Note | null {
  if (event.type !== "package.changed" || event.about === null) return null;
  const { id, change, about, operational } = event;
  const note = (type: string, body: object): Note => ({
    type,
    facts: packageFacts(type, event),
    body: { vnfPkgId: id, vnfdId: about.descriptorId, ...body },
    links: { vnfPackage: packageAt(id) },
  });
  if (change === "onboarded") return note("VnfPackageOnboardingNotification", { vnfmInfo: [] });
  if (change === "deleted") return note("VnfPackageChangeNotification", { changeType: "PKG_DELETE" });
  if (change === "failed") return null;
  return note("VnfPackageChangeNotification", { changeType: "OP_STATE_CHANGE", operationalState: operational });
}

const packageFacts = (type: string, { id, about, operational }: PackageChange): Facts => ({
  notificationTypes: [type],
  vnfPkgId: [id],
  operationalState: [operational],
  vnfdId: [about!.descriptorId],
  vnfProductsFromProviders: [about!.provider ?? "", about!.name, about!.softwareVersion ?? "", about!.version],
});
