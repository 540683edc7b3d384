import { FAULTS, Fault, type FaultCode } from "../../lib/fault.ts";

/** RFC 9457, as SOL013 6.3 asks for. `code` is ours: the same word as in logs and journal. */
export interface ProblemDetails {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly code: string;
}

/** A fault that says more in headers: `Allow`, `Content-Range`, `WWW-Authenticate`. */
export class FaultWithHeaders extends Fault {
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: FaultCode, detail: string, headers: Record<string, string>) {
    super(code, detail);
    this.headers = headers;
  }
}

/** What a client is told of an error; of a bug nothing. */
export function problemOf(e: unknown): ProblemDetails {
  if (e instanceof Fault) return { status: FAULTS[e.code].http, title: FAULTS[e.code].text, detail: e.detail, code: e.code };
  const status = (e as { statusCode?: number } | null)?.statusCode;
  if (status !== undefined && status < 500)
    return { status, title: FAULTS.INVALID.text, detail: e instanceof Error ? e.message : String(e), code: "INVALID" };
  return { status: 500, title: "internal error", detail: "a bug of ours; the log has more", code: "INTERNAL" };
}
