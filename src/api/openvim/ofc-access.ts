import { Type } from "typebox";

/** A few certificates, one after another. */
const PEM_MAX = 65_536;
const pem = (description: string) => Type.String({ minLength: 1, maxLength: PEM_MAX, description });

/** Ours: how a controller is reached by TLS, and a token in the place of user and password. */
export const ofcAccess = {
  token: Type.Optional(
    Type.Union([Type.String({ pattern: "^[\\x21-\\x7e]{1,4096}$" }), Type.Null()], {
      description: "Ours: a bearer token, in the place of user and password; `*****` in replies",
    }),
  ),
  tls: Type.Optional(
    Type.Union(
      [
        Type.Object(
          {
            ca_cert: Type.Optional(pem("authorities that its certificate is believed by; left out: those of this machine")),
            client_cert: Type.Optional(pem("our certificate for it")),
            client_key: Type.Optional(pem("its key, without a passphrase; `*****` in replies")),
          },
          { additionalProperties: false },
        ),
        Type.Null(),
      ],
      { description: "Ours: it is reached by HTTPS, with these in PEM; null or left out: by plain HTTP, as by the original" },
    ),
  ),
};
