import { type TSchema, Type } from "typebox";
import { changeNsFlavourData, changeVnfFlavourData, changeVnfPackageData } from "./reshape-bodies.ts";
import { vnfInstanceData } from "./vnf-instance-data.ts";
import { extManagedVirtualLinks, extVirtualLinks, extVirtualLinksOfNs, pairs, text, vimConnectionInfo } from "./vnf-links.ts";

// Bodies of life cycle requests, as far as they are looked into. What SOL003 and SOL005 know beside it passes, and is kept with the operation.

const ids = (description: string) => Type.Array(text("an id"), { minItems: 1, maxItems: 1_000, description });
const object = <P extends Record<string, TSchema>>(properties: P, description: string) =>
  Type.Object(properties, { description });

/** SOL005 6.5.2.9. The name is that of machines in the VIM too. ETSI has no place for a VIM there: it is named as in our own API. */
export const createNsRequest = object(
  {
    nsdId: text("the id of an NSD"),
    nsName: Type.String({
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$",
      description: 'a name: letters, digits, ".", "_" and "-", at most 40, for machines are named by it',
    }),
    nsDescription: Type.String({ maxLength: 1_000, description: "a text" }),
    vimAccountId: Type.Optional(text("the id or name of a VIM account")),
    vimAccounts: Type.Optional(
      Type.Record(Type.String(), text("the id or name of a VIM account"), {
        description: "an object: id of a VNFC or VDU → id or name of the VIM account it goes to",
      }),
    ),
  },
  "an object with nsdId, nsName and nsDescription",
);

const time = Type.Optional(text("a time, such as 2026-01-31T12:00:00Z"));

/** SOL005 6.5.2.11. */
export const instantiateNsRequest = object(
  {
    nsFlavourId: text("the id of a deployment flavour of the NSD"),
    nsInstantiationLevelId: Type.Optional(text("the id of a level of the NSD")),
    startTime: time,
    additionalParamsForNs: pairs,
    vnfInstanceData: Type.Optional(Type.Array(Type.Unknown(), { description: "a list of VNF instances" })),
    nestedNsInstanceData: Type.Optional(Type.Array(Type.Unknown(), { description: "a list of NS instances" })),
    locationConstraints: Type.Optional(Type.Array(Type.Unknown(), { description: "a list of constraints" })),
    additionalAffinityOrAntiAffinityRule: Type.Optional(Type.Array(Type.Unknown(), { description: "a list of rules" })),
  },
  "an object with nsFlavourId",
);

/** SOL005 6.5.2.13. */
export const healNsRequest = object(
  {
    healNsData: Type.Optional(
      object(
        {
          degreeHealing: Type.Enum(["HEAL_RESTORE", "HEAL_QOS", "HEAL_RESET", "PARTIAL_HEALING"], {
            description: "HEAL_RESTORE, HEAL_QOS, HEAL_RESET or PARTIAL_HEALING",
          }),
          actionsHealing: Type.Optional(Type.Array(Type.String(), { description: "a list of names" })),
          healScript: Type.Optional(text("the id of a script of the NSD")),
          additionalParamsforNs: pairs,
        },
        "an object with degreeHealing and actionsHealing or healScript",
      ),
    ),
    healVnfData: Type.Optional(
      Type.Array(
        object(
          { vnfInstanceId: text("the id of a VNF instance"), cause: Type.Optional(text("a text")), additionalParams: pairs },
          "an object with vnfInstanceId",
        ),
        { minItems: 1, maxItems: 1_000, description: "a list of objects with vnfInstanceId" },
      ),
    ),
  },
  "an object with one of healNsData and healVnfData",
);

const changeStateTo = Type.Enum(["STARTED", "STOPPED"], { description: "STARTED or STOPPED" });
const stopType = Type.Optional(Type.Enum(["FORCEFUL", "GRACEFUL"], { description: "FORCEFUL or GRACEFUL" }));
const gracefulStopTimeout = Type.Optional(
  Type.Integer({ minimum: 0, maximum: 86_400, description: "whole seconds, at most a day" }),
);
const terminationType = Type.Enum(["FORCEFUL", "GRACEFUL"], { description: "FORCEFUL or GRACEFUL" });

/** SOL005 6.5.3.62. */
const terminateVnfData = Type.Optional(
  Type.Array(
    object(
      {
        vnfInstanceId: text("the id of a VNF instance"),
        terminationType: Type.Optional(terminationType),
        gracefulTerminationTimeout: gracefulStopTimeout,
        additionalParams: pairs,
      },
      "an object with vnfInstanceId",
    ),
    { maxItems: 1_000, description: "a list of objects with vnfInstanceId" },
  ),
);

/** SOL005 6.5.2.15. ETSI's definition says date-times for terminateVnfData, where its text says TerminateVnfData. */
export const terminateNsRequest = object(
  { terminationTime: time, terminateNsData: Type.Optional(Type.Unknown()), terminateVnfData },
  "an object, which may be empty",
);

const numberOfSteps = Type.Optional(Type.Integer({ minimum: 1, maximum: 64, description: "a whole number from 1 to 64" }));
const aspectId = text("the id of a scaling aspect");
const scaleInfo = Type.Optional(
  Type.Array(
    object(
      { aspectId, scaleLevel: Type.Integer({ minimum: 0, maximum: 64, description: "a whole number from 0 to 64" }) },
      "an object with aspectId and scaleLevel",
    ),
    { minItems: 1, maxItems: 64, description: "a list of objects with aspectId and scaleLevel" },
  ),
);
const SCALE_VNF_TYPES = ["SCALE_OUT", "SCALE_IN", "SCALE_TO_INSTANTIATION_LEVEL", "SCALE_TO_SCALE_LEVEL(S)"] as const;

/** SOL005 6.5.3.38 to 6.5.3.41. */
const scaleNsData = object(
  {
    scaleNsByStepsData: Type.Optional(
      object(
        {
          scalingDirection: Type.Enum(["SCALE_IN", "SCALE_OUT"], { description: "SCALE_IN or SCALE_OUT" }),
          aspectId: text("the id of a scaling aspect of the NSD"),
          numberOfSteps,
        },
        "an object with scalingDirection and aspectId",
      ),
    ),
    scaleNsToLevelData: Type.Optional(
      object(
        {
          nsInstantiationLevel: Type.Optional(text("the id of a level of the NSD")),
          nsScaleInfo: Type.Optional(
            Type.Array(
              object(
                {
                  nsScalingAspectId: text("the id of a scaling aspect of the NSD"),
                  nsScaleLevelId: text("the id of a level of the aspect"),
                },
                "an object with nsScalingAspectId and nsScaleLevelId",
              ),
              { minItems: 1, maxItems: 64, description: "a list of objects with nsScalingAspectId and nsScaleLevelId" },
            ),
          ),
        },
        "an object with one of nsInstantiationLevel and nsScaleInfo",
      ),
    ),
    vnfInstanceToBeRemoved: Type.Optional(ids("a list of ids of VNFs")),
    vnfInstanceToBeAdded: vnfInstanceData,
  },
  "an object with scaleNsByStepsData or scaleNsToLevelData",
);

/** SOL005 6.5.2.14, 6.5.3.22. */
export const scaleNsRequest = object(
  {
    scaleType: Type.Enum(["SCALE_NS", "SCALE_VNF"], { description: "SCALE_NS or SCALE_VNF" }),
    scaleTime: time,
    scaleNsData: Type.Optional(scaleNsData),
    scaleVnfData: Type.Optional(
      Type.Array(
        object(
          {
            vnfInstanceId: text("the id of a VNF instance"),
            scaleVnfType: Type.Enum([...SCALE_VNF_TYPES], { description: `one of ${SCALE_VNF_TYPES.join(", ")}` }),
            scaleByStepData: Type.Optional(object({ aspectId, numberOfSteps }, "an object with aspectId")),
            scaleToLevelData: Type.Optional(
              object(
                {
                  vnfInstantiationLevelId: Type.Optional(text("the id of an instantiation level")),
                  vnfScaleInfo: scaleInfo,
                },
                "an object with vnfInstantiationLevelId or vnfScaleInfo",
              ),
            ),
          },
          "an object with vnfInstanceId, scaleVnfType and what belongs to it",
        ),
        { minItems: 1, maxItems: 1_000, description: "a list of objects with vnfInstanceId and scaleVnfType" },
      ),
    ),
  },
  "an object with scaleType and scaleNsData or scaleVnfData",
);

/** SOL005 6.5.3.66, 6.5.3.67: a snapshot, and the VNF that it is of. */
const snapshotOfVnf = object(
  {
    vnfInstanceId: text("the id of a VNF instance"),
    vnfSnapshotInfoId: text("the id of a VNF snapshot"),
    additionalParams: pairs,
  },
  "an object with vnfInstanceId and vnfSnapshotInfoId",
);

/** SOL005 6.5.2.12. The VNFs that are taken in are called as its text and definition have it, and as both may mean. */
export const updateNsRequest = object(
  {
    updateType: text("the kind of update, such as OPERATE_VNF"),
    updateTime: time,
    addVnfIstance: vnfInstanceData,
    addVnfInstance: vnfInstanceData,
    instantiateVnfData: Type.Optional(
      Type.Array(
        object(
          {
            vnfProfileId: Type.Optional(text("the id of a VNF profile of the NSD")),
            vnfdId: Type.Optional(text("the id of a VNFD")),
            vnfFlavourId: Type.Optional(text("the id of a deployment flavour of the VNFD")),
            vnfInstantiationLevelId: Type.Optional(text("the id of an instantiation level")),
            vnfInstanceName: Type.Optional(text("a name")),
            vnfInstanceDescription: Type.Optional(Type.String({ maxLength: 1_000, description: "a text" })),
            metadata: pairs,
            extensions: pairs,
            vnfConfigurableProperties: pairs,
          },
          "an object with vnfProfileId",
        ),
        { minItems: 1, maxItems: 64, description: "a list of objects with vnfProfileId" },
      ),
    ),
    removeVnfInstanceId: Type.Optional(ids("a list of ids of VNFs")),
    terminateVnfData,
    operateVnfData: Type.Optional(
      Type.Array(
        object(
          { vnfInstanceId: text("the id of a VNF instance"), changeStateTo, stopType, gracefulStopTimeout },
          "an object with vnfInstanceId and changeStateTo",
        ),
        { minItems: 1, maxItems: 1_000, description: "a list of objects with vnfInstanceId and changeStateTo" },
      ),
    ),
    changeExtVnfConnectivityData: Type.Optional(
      Type.Array(
        object(
          {
            vnfInstanceId: text("the id of a VNF instance"),
            extVirtualLinks: extVirtualLinksOfNs,
            additionalParams: pairs,
          },
          "an object with vnfInstanceId and extVirtualLinks",
        ),
        { minItems: 1, maxItems: 64, description: "a list of objects with vnfInstanceId and extVirtualLinks" },
      ),
    ),
    createSnapshotData: Type.Optional(
      object(
        { vnfInstanceId: text("the id of a VNF instance"), additionalParams: pairs, userDefinedData: pairs },
        "an object with vnfInstanceId",
      ),
    ),
    revertVnfToSnapshotData: Type.Optional(snapshotOfVnf),
    deleteVnfSnapshotData: Type.Optional(snapshotOfVnf),
    changeVnfFlavourData,
    changeVnfPackageData,
    changeNsFlavourData,
    modifyVnfInfoData: Type.Optional(
      Type.Array(
        object(
          {
            vnfInstanceId: text("the id of a VNF instance"),
            vnfInstanceName: Type.Optional(text("a name")),
            vnfInstanceDescription: Type.Optional(Type.String({ maxLength: 1_000, description: "a text" })),
            metadata: pairs,
            vnfdId: Type.Optional(text("the id of a VNFD")),
            extensions: pairs,
            vnfConfigurableProperties: pairs,
          },
          "an object with vnfInstanceId",
        ),
        { minItems: 1, maxItems: 1_000, description: "a list of objects with vnfInstanceId" },
      ),
    ),
  },
  "an object with updateType and what belongs to it",
);

export const cancelMode = object(
  { cancelMode: Type.Enum(["GRACEFUL", "FORCEFUL"], { description: "GRACEFUL or FORCEFUL" }) },
  "an object with cancelMode",
);

/** SOL003 5.5.2.3. */
export const createVnfRequest = object(
  {
    vnfdId: text("the id of a VNFD"),
    vnfInstanceName: Type.Optional(Type.String({ maxLength: 255, description: "a name" })),
    vnfInstanceDescription: Type.Optional(Type.String({ maxLength: 1_000, description: "a text" })),
    metadata: pairs,
  },
  "an object with vnfdId",
);

/** SOL003 5.5.2.4. */
export const instantiateVnfRequest = object(
  {
    flavourId: text("the id of a deployment flavour"),
    instantiationLevelId: Type.Optional(text("the id of an instantiation level")),
    extVirtualLinks: Type.Optional(extVirtualLinks),
    extManagedVirtualLinks,
    vimConnectionInfo,
    localizationLanguage: Type.Optional(text("a language, such as en-GB")),
    additionalParams: pairs,
    extensions: pairs,
    vnfConfigurableProperties: pairs,
  },
  "an object with flavourId",
);

export const scaleVnfRequest = object(
  {
    type: Type.Enum(["SCALE_OUT", "SCALE_IN"], { description: "SCALE_OUT or SCALE_IN" }),
    aspectId,
    numberOfSteps,
  },
  "an object with type and aspectId",
);

/** SOL003 5.5.2.6. */
export const scaleVnfToLevelRequest = object(
  { instantiationLevelId: Type.Optional(text("the id of an instantiation level")), scaleInfo },
  "an object with one of instantiationLevelId and scaleInfo",
);

/** SOL003 5.5.2.9, and SOL002 5.5.2.9 with the VNFCs that are meant. */
export const healVnfRequest = object(
  {
    vnfcInstanceId: Type.Optional(ids("a list of ids of VNFCs")),
    cause: Type.Optional(Type.String({ maxLength: 1_000, description: "a text" })),
    additionalParams: pairs,
    healScript: Type.Optional(text("the name of a script")),
  },
  "an object, which may be empty",
);

export const operateVnfRequest = object({ changeStateTo, stopType, gracefulStopTimeout }, "an object with changeStateTo");

export const terminateVnfRequest = object(
  { terminationType, gracefulTerminationTimeout: gracefulStopTimeout, additionalParams: pairs },
  "an object with terminationType",
);

/** SOL003 5.5.2.11. */
export const changeExtConnRequest = object(
  { extVirtualLinks, vimConnectionInfo, additionalParams: pairs },
  "an object with extVirtualLinks",
);

/** SOL003 5.5.2.20; what comes with a package is only told apart from nothing. */
export const createSnapshotInfoRequest = object(
  { vnfSnapshotPkgId: Type.Optional(text("the id of a VNF snapshot package")), vnfSnapshot: pairs },
  "an object, which may be empty",
);

/** SOL003 5.5.2.21, and SOL002 with the VNFC that is meant. */
export const createSnapshotRequest = object(
  {
    vnfSnapshotInfoId: Type.Optional(text("the id of a VNF snapshot")),
    vnfSnapshotResId: Type.Optional(text("the id of a VNF snapshot")),
    vnfcInstanceId: Type.Optional(text("the id of a VNFC")),
    additionalParams: pairs,
    userDefinedData: pairs,
  },
  "an object with vnfSnapshotInfoId",
);

/** SOL003 5.5.2.26, and SOL002 with the VNFC that is meant. */
export const revertToSnapshotRequest = object(
  {
    vnfSnapshotInfoId: text("the id of a VNF snapshot"),
    vnfcInstanceId: Type.Optional(text("the id of a VNFC")),
    vnfcSnapshotInfoId: Type.Optional(text("the id of a VNFC snapshot")),
    additionalParams: pairs,
  },
  "an object with vnfSnapshotInfoId",
);

/** SOL003 5.5.2.12. */
export const modifyVnfRequest = object(
  {
    vnfInstanceName: Type.Optional(text("a name")),
    vnfInstanceDescription: Type.Optional(Type.String({ maxLength: 1_000, description: "a text" })),
    metadata: pairs,
    vnfConfigurableProperties: pairs,
    extensions: pairs,
    vimConnectionInfo: pairs,
    vnfdId: Type.Optional(text("the id of a VNFD")),
  },
  "an object with what is to be changed",
);
