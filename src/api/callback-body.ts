import { type Static, Type } from "typebox";
import { Fault } from "../lib/fault.ts";
import type { Callback, CallbackAuth, CallbackTls } from "../model/subscription.ts";

// How a subscriber says what convinces it that it is us: SOL013's SubscriptionAuthentication in all dialects. `paramsBearer` and
// `paramsTls` are ours: SOL013 has no fixed token, and provisions certificates out of band.

const closed = { additionalProperties: false } as const;
const word = Type.String({ minLength: 1, maxLength: 4_096, pattern: "^[^\\x00-\\x1f\\x7f]+$" });
const pem = Type.String({ minLength: 1, maxLength: 65_536, pattern: "-----BEGIN [A-Z ]+-----" });
const authType = Type.Enum(["BASIC", "BEARER", "OAUTH2_CLIENT_CREDENTIALS", "TLS_CERT"]);

export const callbackUrl = Type.String({ minLength: 1, maxLength: 2_048 });

export const callbackAuthentication = Type.Object(
  {
    authType: Type.Union([authType, Type.Array(authType, { minItems: 1, maxItems: 4 })]),
    paramsBasic: Type.Optional(Type.Object({ userName: word, password: word }, closed)),
    paramsBearer: Type.Optional(Type.Object({ token: Type.String({ maxLength: 4_096, pattern: "^[\\x21-\\x7e]+$" }) }, closed)),
    paramsOauth2ClientCredentials: Type.Optional(
      Type.Object({ clientId: word, clientPassword: word, tokenEndpoint: callbackUrl, scope: Type.Optional(word) }, closed),
    ),
    paramsTls: Type.Optional(
      Type.Object(
        { caCertificate: Type.Optional(pem), certificate: Type.Optional(pem), privateKey: Type.Optional(pem) },
        { ...closed, minProperties: 1 },
      ),
    ),
  },
  closed,
);

type Asked = Static<typeof callbackAuthentication>;

/** Throws INVALID where what is said to be accepted is not given. */
export function callbackIn(url: string, asked: Asked | undefined): Callback {
  const accepted = asked === undefined ? [] : typeof asked.authType === "string" ? [asked.authType] : asked.authType;
  for (const type of accepted)
    if (!isGiven(type, asked!)) throw new Fault("INVALID", `authentication: ${type} needs ${NEEDS[type]}`);
  return { url, auth: authOf(accepted, asked), tls: tlsOf(asked) };
}

const NEEDS = {
  BASIC: "paramsBasic with userName and password",
  BEARER: "paramsBearer with token",
  OAUTH2_CLIENT_CREDENTIALS: "paramsOauth2ClientCredentials with clientId, clientPassword and tokenEndpoint",
  TLS_CERT: "paramsTls with certificate and privateKey",
} as const;

const isGiven = (type: keyof typeof NEEDS, asked: Asked): boolean =>
  ({
    BASIC: asked.paramsBasic !== undefined,
    BEARER: asked.paramsBearer !== undefined,
    OAUTH2_CLIENT_CREDENTIALS: asked.paramsOauth2ClientCredentials !== undefined,
    TLS_CERT: asked.paramsTls?.certificate !== undefined && asked.paramsTls.privateKey !== undefined,
  })[type];

/** Of several that the subscriber accepts, the one whose secret lives shortest. */
function authOf(accepted: readonly string[], asked: Asked | undefined): CallbackAuth | null {
  const { paramsBasic: basic, paramsBearer: bearer, paramsOauth2ClientCredentials: oauth2 } = asked ?? {};
  if (oauth2 && accepted.includes("OAUTH2_CLIENT_CREDENTIALS"))
    return { type: "OAUTH2_CLIENT_CREDENTIALS", ...oauth2, scope: oauth2.scope ?? null };
  if (bearer && accepted.includes("BEARER")) return { type: "BEARER", ...bearer };
  if (basic && accepted.includes("BASIC")) return { type: "BASIC", ...basic };
  return null;
}

function tlsOf(asked: Asked | undefined): CallbackTls | null {
  if (asked?.paramsTls === undefined) return null;
  const { caCertificate: ca = null, certificate = null, privateKey = null } = asked.paramsTls;
  if ((certificate === null) !== (privateKey === null))
    throw new Fault("INVALID", "authentication: paramsTls needs certificate and privateKey together, or neither");
  return { ca, certificate, privateKey };
}
