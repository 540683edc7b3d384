import { Type } from "typebox";

// ETSI's KeyValuePairs: any attributes, as large as a body may be.
const pairs = Type.Record(Type.String(), Type.Unknown(), { description: "an object of names and values" });
const operationalState = Type.Enum(["ENABLED", "DISABLED"], { description: "ENABLED or DISABLED" });
const text = (description: string) => Type.String({ minLength: 1, maxLength: 4_096, description });

/** SOL005 CreateNsdInfoRequest, CreatePnfdInfoRequest and CreateVnfPkgInfoRequest. */
export const createInfo = Type.Object(
  { userDefinedData: Type.Optional(pairs) },
  { description: "an object with perhaps userDefinedData" },
);

/** SOL005 9.5.2.7. One of both at least. */
export const packageModifications = Type.Object(
  { operationalState: Type.Optional(operationalState), userDefinedData: Type.Optional(pairs) },
  { description: "an object with operationalState, userDefinedData or both" },
);

/** SOL005 5.5.2.1. Its definition says a list where its text says pairs: both are understood. */
export const nsdModifications = Type.Object(
  {
    nsdOperationalState: Type.Optional(operationalState),
    userDefinedData: Type.Optional(
      Type.Union([pairs, Type.Array(pairs, { maxItems: 100 })], { description: "names and values, or a list of such" }),
    ),
  },
  { description: "an object with nsdOperationalState or userDefinedData" },
);

export const pnfdModifications = Type.Object({ userDefinedData: pairs }, { description: "an object with userDefinedData" });

/** SOL005 9.5.2.6. */
export const uploadFromUri = Type.Object(
  {
    addressInformation: text("the http or https URL of the package"),
    authType: Type.Optional(Type.Enum(["OAUTH2_CLIENT_CREDENTIALS"], { description: "OAUTH2_CLIENT_CREDENTIALS" })),
    paramsOauth2ClientCredentials: Type.Optional(
      Type.Object(
        { clientId: text("a name"), clientPassword: text("a password"), tokenEndpoint: text("the URL of the token endpoint") },
        { description: "an object with clientId, clientPassword and tokenEndpoint" },
      ),
    ),
  },
  { description: "an object with addressInformation, and perhaps authType and paramsOauth2ClientCredentials" },
);

const artifactAccess = Type.Object(
  {
    artifactUri: text("the URL of the artifact, as the manifest has it"),
    overrideUri: Type.Optional(text("the URL that it is fetched from")),
    authType: Type.Optional(Type.Enum(["OAUTH2_CLIENT_CREDENTIALS"], { description: "OAUTH2_CLIENT_CREDENTIALS" })),
    paramsOauth2ClientCredentials: Type.Optional(
      Type.Object(
        { clientId: text("a name"), clientPassword: text("a password"), tokenEndpoint: text("the URL of the token endpoint") },
        { description: "an object with clientId, clientPassword and tokenEndpoint" },
      ),
    ),
  },
  { description: "an object with artifactUri, and perhaps overrideUri, authType and paramsOauth2ClientCredentials" },
);

/** SOL005 9.5.2.10: its definition has one artifact, its table a list. */
export const artifactsAccess = Type.Object(
  {
    artifact: Type.Optional(
      Type.Union([artifactAccess, Type.Array(artifactAccess, { maxItems: 64 })], {
        description:
          "an artifact's access (artifactUri, overrideUri, authType, paramsOauth2ClientCredentials), or a list of such",
      }),
    ),
  },
  { description: "an object with artifact" },
);
