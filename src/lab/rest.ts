import { Fault } from "../lib/fault.ts";

/** A request of the lab to a daemon of the lab answers within this or is stuck, ms. */
const ANSWER_MS_MAX = 10_000;

/** Sends JSON and gives the parsed answer. Throws VIM_REFUSED with the server's own words when the status is not 2xx. */
export async function rest<T>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  url: string,
  body?: unknown,
  type = "application/json",
): Promise<T> {
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
    ...(body === undefined
      ? {}
      : { headers: { "content-type": type }, body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Fault("VIM_REFUSED", `${method} ${url} was answered ${response.status}: ${text.slice(0, 500)}`);
  return (text === "" ? null : JSON.parse(text)) as T;
}
