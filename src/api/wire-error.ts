import { STATUS_CODES } from "node:http";
import { FAULTS, Fault } from "../lib/fault.ts";

/** An answer of this dialect that has no fault code: OpenVIM knows more statuses than we have kinds of failure. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly status: number;

  constructor(status: number, description: string) {
    super(description);
    this.status = status;
  }
}

export interface ErrorBody {
  readonly error: {
    readonly code: number;
    readonly type: string;
    readonly description: string;
    /** Ours, where no host has room: what each of them lacks. */
    readonly hosts?: readonly { readonly name: string; readonly reason: string }[];
  };
}

/** The only place where an error becomes a status and OpenVIM's envelope. A bug's text is for our log, not for the caller. */
export function errorBody(e: unknown): ErrorBody {
  const [code, description] = codeAndText(e);
  return { error: { code, type: `${code} ${STATUS_CODES[code] ?? "Error"}`, description, ...hostsOf(e) } };
}

function hostsOf(e: unknown): Pick<ErrorBody["error"], "hosts"> {
  if (!(e instanceof Fault) || e.code !== "NO_ROOM") return {};
  return { hosts: Object.entries(e.about).map(([name, reason]) => ({ name, reason: String(reason) })) };
}

function codeAndText(e: unknown): [number, string] {
  if (e instanceof WireError) return [e.status, e.message];
  // The dialect's descriptions stand alone, without the sentence of the fault's code before them.
  if (e instanceof Fault) return [FAULTS[e.code].http, e.detail];
  const status = (e as { statusCode?: number }).statusCode; // Fastify's own: a body too large, a broken URL.
  if (status !== undefined && status < 500) return [status, (e as Error).message];
  return [500, "Internal Server Error"];
}
