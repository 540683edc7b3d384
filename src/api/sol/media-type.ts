import { Fault } from "../../lib/fault.ts";
import { FaultWithHeaders } from "./problem.ts";

const essence = (text: string): string => text.split(";")[0]!.trim().toLowerCase();

/** The first of what is offered that the `Accept` header takes; without one, the first. Throws NOT_ACCEPTABLE. */
export function acceptable(accept: string | undefined, offered: readonly string[]): string {
  if (accept === undefined || accept.trim() === "" || offered.includes("*/*")) return offered[0]!;
  const ranges = accept.split(",").flatMap((range) => (/;\s*q=0(\.0*)?\s*(;|$)/i.test(range) ? [] : [essence(range)]));
  const takes = (type: string) => ranges.some((r) => r === type || r === "*/*" || r === `${type.split("/")[0]}/*`);
  const found = offered.find(takes);
  if (found !== undefined) return found;
  throw new Fault("NOT_ACCEPTABLE", `Accept: ${accept.slice(0, 100)} takes nothing of what is here: ${offered.join(", ")}`);
}

/** Of a body, as far as it says what the body is. */
interface BodyHeaders {
  readonly "content-type"?: string | undefined;
  readonly "content-encoding"?: string | string[] | undefined;
}

const BYTES = "application/octet-stream";

/** The content type of a body, without its parameters; bytes where nothing is said and bytes are taken (RFC 9110, 8.3). Throws MEDIA_TYPE for one that is not understood here. */
export function understood(headers: BodyHeaders, taken: readonly string[]): string {
  const encoding = String(headers["content-encoding"] ?? "identity").toLowerCase();
  if (encoding !== "identity")
    throw new FaultWithHeaders(
      "MEDIA_TYPE",
      `Content-Encoding: ${encoding.slice(0, 80)} is not understood here; send the body as it is`,
      {
        "accept-encoding": "identity",
      },
    );
  const type = essence(headers["content-type"] ?? (taken.includes(BYTES) ? BYTES : ""));
  if (taken.includes(type)) return type;
  const got = type === "" ? "the body has no Content-Type" : `Content-Type: ${type.slice(0, 100)} is not understood here`;
  // What forms of web pages send, and early clients of SOL005: ETSI's definitions list it nowhere.
  const itself =
    type === "multipart/form-data" && taken.includes(BYTES) ? ", with the file itself for the body (curl -T FILE)" : "";
  throw new Fault("MEDIA_TYPE", `${got}; send ${taken.join(" or ")}${itself}`);
}
