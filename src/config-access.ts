import { Type } from "typebox";

// Settings of who reaches the daemons, and whom they reach. `description` is what an error message says is wanted.
const closed = { additionalProperties: false } as const;
const text = (description: string) => Type.String({ minLength: 1, description });

/** Where subscribers may have us send requests to (decision 0051). */
const callbackSettings = {
  allow: Type.Array(text("a range of addresses such as 10.0.0.0/8"), {
    default: [],
    description:
      "a list of ranges; none: everywhere but to this machine, where others can subscribe, and to link-local addresses",
  }),
  secretsOverHttp: Type.Boolean({ default: false, description: "true: send passwords and tokens over http too" }),
};
export const callbacks = Type.Object(callbackSettings, {
  ...closed,
  default: {},
  description: "an object with allow and secretsOverHttp",
});

/** The MANO's, which subscribers that ask for TLS_CERT are shown a certificate by (SOL013 8.3.4). */
export const manoCallbacks = Type.Object(
  {
    ...callbackSettings,
    clientCertificate: Type.Optional(
      Type.Object(
        {
          cert: text("the path of a certificate in PEM"),
          key: text("the path of its key in PEM"),
          ca: Type.Optional(text("the path of the authorities that such subscribers are believed by, in PEM")),
        },
        { ...closed, description: "an object with cert, key and perhaps ca" },
      ),
    ),
  },
  { ...closed, default: {}, description: "an object with allow, secretsOverHttp and perhaps clientCertificate" },
);

/** Certificates by path; read again on SIGHUP. */
export const tls = Type.Object(
  {
    cert: text("the path of a certificate in PEM"),
    key: text("the path of its key in PEM"),
    clientCa: Type.Optional(text("the path of the authorities whose certificates clients must show, in PEM")),
  },
  { ...closed, description: "an object with cert, key and perhaps clientCa" },
);
export const allowPlainHttp = Type.Boolean({ default: false, description: "true: listen beyond loopback without TLS" });
/** Who must show a token (decision 0052). */
const whoIsAsked = {
  onLoopback: Type.Enum(["open", "tokens"], { default: "open", description: '"open" or "tokens"' }),
  beyondLoopback: Type.Enum(["tokens", "open"], { default: "tokens", description: '"tokens" or "open"' }),
};
export const auth = Type.Object(whoIsAsked, {
  ...closed,
  default: {},
  description: "an object with onLoopback and beyondLoopback",
});
/** The MANO issues access tokens too (decision 0104). */
export const manoAuth = Type.Object(
  {
    ...whoIsAsked,
    accessTokenSeconds: Type.Integer({ minimum: 60, maximum: 86_400, default: 3_600, description: "seconds, 60..86400" }),
  },
  { ...closed, default: {}, description: "an object with onLoopback, beyondLoopback and accessTokenSeconds" },
);
