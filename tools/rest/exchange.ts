import { Type } from "typebox";

/** One line of a recording: a request, and what the original answered. Paths are below the server's base (`/openvim`). */
export const exchange = Type.Object({
  tag: Type.String({ minLength: 1 }),
  method: Type.Enum(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"]),
  path: Type.String({ pattern: "^/" }),
  /** Asked on the administrator's port. */
  admin: Type.Optional(Type.Boolean()),
  /** An object is sent as JSON, a text as it stands, null: no body. */
  request: Type.Unknown(),
  status: Type.Integer({ minimum: 100, maximum: 599 }),
  ctype: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  cors: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  response: Type.Unknown(),
});
export type Exchange = Type.Static<typeof exchange>;

/** What is sent: ids are ours already. */
export interface Asking {
  readonly method: Exchange["method"];
  readonly path: string;
  readonly admin: boolean;
  readonly contentType: string | null;
  readonly accept: string | null;
  readonly body: string | null;
}

export interface Answer {
  readonly status: number;
  readonly ctype: string | null;
  readonly cors: string | null;
  readonly text: string;
}

export type Send = (asking: Asking) => Promise<Answer>;

/** `{"error": {"description"}}` of both originals. */
export const descriptionOf = (response: unknown): string | null => {
  const error = (response as { error?: { description?: unknown } } | null)?.error;
  return typeof error?.description === "string" ? error.description : null;
};

/** The media type that a recorded body was sent as: the recording does not tell, but where it mattered the answer does. */
export function contentTypeOf({ request, response }: Exchange): string | null {
  if (request === null || request === undefined) return null;
  if (typeof request !== "string") return "application/json";
  const named = /Content-Type:? ([\w.+-]+\/[\w.+-]+) not supported/.exec(descriptionOf(response) ?? "")?.[1];
  if (named !== undefined) return named;
  if (descriptionOf(response)?.includes("yaml format")) return "application/yaml";
  return request.trimStart().startsWith("<") ? "application/xml" : "application/json";
}
