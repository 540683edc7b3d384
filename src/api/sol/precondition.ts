import { createHash } from "node:crypto";
import { FaultWithHeaders } from "./problem.ts";

// Conditional requests, SOL013 4.3 and RFC 9110 13: who changes something may say which state of it was seen.

export interface Conditions {
  readonly "if-match"?: string | undefined;
  readonly "if-unmodified-since"?: string | undefined;
}

/** The state of a resource as its representation shows it. `modifiedAt`: in ISO 8601, where it is known. */
export interface State {
  readonly etag: string;
  readonly modifiedAt: string | null;
}

/** The same for the same representation, whoever asked and however we were addressed. */
export const etagOf = (representation: unknown): string =>
  `"${createHash("sha256").update(JSON.stringify(representation)).digest("base64url").slice(0, 22)}"`;

/** RFC 9110 5.6.7, in whole seconds. */
export const httpDate = (iso: string): string => new Date(iso).toUTCString();

export const isConditional = (headers: Conditions): boolean =>
  headers["if-match"] !== undefined || headers["if-unmodified-since"] !== undefined;

/** Throws PRECONDITION where the resource is in another state than the request was made for. */
export function checkConditions(headers: Conditions, state: State): void {
  const match = headers["if-match"];
  if (match !== undefined) {
    const tags = match.split(",").map((t) => t.trim());
    if (tags.includes("*") || tags.includes(state.etag)) return;
    throw new FaultWithHeaders(
      "PRECONDITION",
      `it has the ETag ${state.etag} by now, not ${match.slice(0, 100)}; read it again, then ask again`,
      { etag: state.etag },
    );
  }
  const since = Date.parse(headers["if-unmodified-since"] ?? "");
  if (Number.isNaN(since) || state.modifiedAt === null) return; // RFC 9110 13.1.4: then it is as if it was not sent.
  if (Math.floor(Date.parse(state.modifiedAt) / 1_000) * 1_000 > since)
    throw new FaultWithHeaders("PRECONDITION", `it was changed on ${httpDate(state.modifiedAt)}; read it again, then ask again`, {
      etag: state.etag,
      "last-modified": httpDate(state.modifiedAt),
    });
}
