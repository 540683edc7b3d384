import type { ManoEvent } from "../../model/mano-event.ts";
import type { Occurrence, OccurrenceState, VnfPart } from "../../model/occurrence.ts";
import type { SolInterest } from "../../model/sol-subscription.ts";
import type { Facts } from "./notification-facts.ts";
import type { Note } from "./notifications.ts";
import { nsAt, nsOccurrence, nsOccurrenceAt } from "./ns-lcm-view.ts";
import { vnfAt, vnfOccurrence, vnfOccurrenceAt } from "./vnf-lcm-view.ts";

/** SOL003 5.5.2.17: START tells that work goes on, RESULT that it has come to an end, for now or for good. */
const statusOf = (state: OccurrenceState): "START" | "RESULT" =>
  state === "STARTING" || state === "PROCESSING" || state === "ROLLING_BACK" ? "START" : "RESULT";

/** SOL005 6.5.2.4 to 6.5.2.6: operations of a network service, and that it has come into being and is no more. */
export function nsLifeCycleNote(event: ManoEvent, { verbosity }: SolInterest): Note | null {
  switch (event.type) {
    case "ns.created":
      return ofNs("NsIdentifierCreationNotification", event.nsId, { nsInstanceNames: [event.nsName] });
    case "ns.deleted":
      return ofNs("NsIdentifierDeletionNotification", event.nsId, { nsInstanceNames: [event.nsName] });
    case "ns.occurrence":
      return event.occurrence.isOfSoleVnf ? null : ofNsOperation(event.occurrence, verbosity);
    default:
      return null;
  }
}

function ofNs(type: string, nsId: string, facts: Facts): Note {
  const body = { nsInstanceId: nsId };
  return { type, facts: { notificationTypes: [type], nsInstanceIds: [nsId], ...facts }, body, links: { nsInstance: nsAt(nsId) } };
}

function ofNsOperation(o: Occurrence, verbosity: SolInterest["verbosity"]): Note {
  const type = "NsLcmOperationOccurrenceNotification";
  const { operationState, isAutomaticInvocation, lcmOperationType, error, resourceChanges } = nsOccurrence(o);
  return {
    type,
    facts: {
      // The filter's definition has the name with one letter less.
      notificationTypes: [type, "NsLcmOperationOccurenceNotification"],
      nsInstanceIds: [o.nsId],
      vnfdIds: o.vnfs.map((v) => v.vnfdId),
      operationTypes: [lcmOperationType],
      operationStates: [operationState],
    },
    body: {
      nsInstanceId: o.nsId,
      nsLcmOpOccId: o.id,
      operation: lcmOperationType,
      notificationStatus: statusOf(o.state),
      operationState,
      isAutomaticInvocation,
      verbosity,
      ...(verbosity === "FULL" && resourceChanges && { affectedVnf: resourceChanges.affectedVnfs }),
      ...(error && { error }),
    },
    links: { nsInstance: nsAt(o.nsId), nslcmOpOcc: nsOccurrenceAt(o.id) },
  };
}

/** SOL003 5.5.2.17 to 5.5.2.19: the same of a VNF. */
export function vnfLifeCycleNote(event: ManoEvent, { verbosity }: SolInterest): Note | null {
  switch (event.type) {
    case "vnf.created":
      return ofVnf("VnfIdentifierCreationNotification", event.vnfId, event.vnfName);
    case "vnf.deleted":
      return ofVnf("VnfIdentifierDeletionNotification", event.vnfId, event.vnfName);
    case "vnf.occurrence": {
      const part = event.occurrence.vnfs.find((p) => p.id === event.occurrenceId);
      return part ? ofVnfOperation({ ...event.occurrence, state: event.state }, part, verbosity) : null;
    }
    default:
      return null;
  }
}

function ofVnf(type: string, vnfId: string, vnfName: string): Note {
  const facts = { notificationTypes: [type], vnfInstanceIds: [vnfId], vnfInstanceNames: [vnfName] };
  return { type, facts, body: { vnfInstanceId: vnfId }, links: { vnfInstance: vnfAt(vnfId) } };
}

function ofVnfOperation(o: Occurrence, part: VnfPart, verbosity: SolInterest["verbosity"]): Note {
  const type = "VnfLcmOperationOccurrenceNotification";
  const shown = vnfOccurrence(o, part);
  const { operationState, operation, isAutomaticInvocation, error, resourceChanges, changedExtConnectivity, affectedVipCps } =
    shown;
  const { modificationsTriggeredByVnfPkgChange } = shown;
  return {
    type,
    facts: {
      notificationTypes: [type],
      vnfInstanceIds: [part.vnfId],
      vnfInstanceNames: [part.vnfName],
      vnfdIds: [part.vnfdId],
      operationTypes: [operation],
      operationStates: [operationState],
    },
    body: {
      notificationStatus: statusOf(o.state),
      operationState,
      vnfInstanceId: part.vnfId,
      operation,
      isAutomaticInvocation,
      verbosity,
      vnfLcmOpOccId: part.id,
      ...(verbosity === "FULL" && {
        ...resourceChanges,
        ...(changedExtConnectivity && { changedExtConnectivity }),
        ...(affectedVipCps && { affectedVipCps }),
        ...(modificationsTriggeredByVnfPkgChange && { modificationsTriggeredByVnfPkgChange }),
      }),
      ...(error && { error }),
    },
    links: { vnfInstance: vnfAt(part.vnfId), vnfLcmOpOcc: vnfOccurrenceAt(part.id) },
  };
}
