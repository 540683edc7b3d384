import { Fault } from "../../lib/fault.ts";

/** An attribute's name as filters and selectors write it, in its parts: `a/b`. `@key` means the keys of a map (SOL013 5.2.2). */
export type AttributePath = readonly string[];

const ESCAPED: Readonly<Record<string, string>> = { "~0": "~", "~1": "/", "~a": ",", "~b": "@" };
const part = (text: string): string => (text === "@key" ? text : text.replace(/~[01ab]/g, (e) => ESCAPED[e]!));

/** Throws INVALID for an empty one, and for one whose first part is no attribute of what is listed. `where`: the parameter it stands in. */
export function attributePath(text: string, known: readonly string[], where: string): AttributePath {
  const path = text.split("/").map(part);
  if (path.some((p) => p === "")) throw new Fault("INVALID", `${where}: ${JSON.stringify(text)} is no name of an attribute`);
  if (known.includes(path[0]!)) return path;
  throw new Fault("INVALID", `${where}: there is no attribute ${JSON.stringify(path[0])}; there are: ${known.join(", ")}`);
}
