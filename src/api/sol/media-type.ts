import { Fault } from "../../lib/fault.ts";

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

/** The content type of a body, without its parameters. Throws MEDIA_TYPE for one that is not understood here. */
export function understood(contentType: string | undefined, taken: readonly string[]): string {
  const type = essence(contentType ?? "");
  if (taken.includes(type)) return type;
  const got = type === "" ? "the body has no Content-Type" : `Content-Type: ${type.slice(0, 100)} is not understood here`;
  throw new Fault("MEDIA_TYPE", `${got}; send ${taken.join(" or ")}`);
}
