import { parse as parseYaml } from "yaml";
import { WireError } from "./wire-error.ts";

/** Nothing this API takes is nested deeper than ten; what is deeper costs seconds to read, of a thread that leads a switch. */
const DEPTH_MAX = 64;
/** Reading YAML is a hundred times slower than JSON. A host's topology is some 20 KiB of it. */
const YAML_CHARS_MAX = 128 * 1_024;
/** What `*aliases` of a document may add up to, so that a short text does not become a large value. */
const YAML_ALIASES_MAX = 100;

/** Bodies whose text was YAML: PyYAML, which the original reads with, takes `yes` and `on` for booleans. */
const fromYaml = new WeakSet<object>();
export const isFromYaml = (body: unknown): boolean => typeof body === "object" && body !== null && fromYaml.has(body);

/** A body as JSON or YAML. Throws 400, 406, 413 or 501 in the original's words. */
export function readBody(text: string, type = "application/json"): unknown {
  if (type.includes("application/json")) return readable("json", readJson(text));
  if (type.includes("application/yaml")) return readable("yaml", readYaml(text));
  if (type.includes("application/xml")) throw new WireError(501, "Content-Type: application/xml not supported yet.");
  throw new WireError(406, `Content-Type ${type} not supported.`);
}

function readJson(text: string): unknown {
  if (isTooDeep(text, true)) throw new WireError(400, `Invalid json format nested deeper than ${DEPTH_MAX}`);
  return parsed("json", () => JSON.parse(text));
}

function readYaml(text: string): unknown {
  if (text.length > YAML_CHARS_MAX)
    throw new WireError(413, `the body has ${text.length} characters of yaml: want at most ${YAML_CHARS_MAX}, or send json`);
  if (isTooDeep(text, false)) throw new WireError(400, `Invalid yaml format nested deeper than ${DEPTH_MAX}`);
  const options = { maxAliasCount: YAML_ALIASES_MAX, merge: true, prettyErrors: false, logLevel: "error" } as const;
  const value: unknown = parsed("yaml", () => parseYaml(text, options));
  if (isDeeper(value, DEPTH_MAX)) throw new WireError(400, `Invalid yaml format nested deeper than ${DEPTH_MAX}`);
  if (typeof value === "object" && value !== null) fromYaml.add(value);
  return value;
}

/** Control characters but tab and line ends, and halves of characters: no store, XML or terminal shows them again as they were. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const UNREADABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|\p{Surrogate}/u;

function readable(format: string, value: unknown): unknown {
  const c = unreadableIn(value);
  if (c === null) return value;
  const hex = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  throw new WireError(400, `Invalid ${format} format a text with the character U+${hex}`);
}

function unreadableIn(value: unknown): string | null {
  if (typeof value === "string") return UNREADABLE.exec(value)?.[0] ?? null;
  if (typeof value !== "object" || value === null) return null;
  for (const [key, v] of Object.entries(value)) {
    const c = unreadableIn(key) ?? unreadableIn(v);
    if (c !== null) return c;
  }
  return null;
}

function parsed(format: string, read: () => unknown): unknown {
  try {
    return read();
  } catch (e) {
    throw new WireError(400, `Invalid ${format} format ${(e as Error).message}`);
  }
}

const [QUOTE, BACKSLASH] = ['"'.charCodeAt(0), "\\".charCodeAt(0)];
/** By character code; a number for a bracket, 0 for everything else below 128. */
const STEPS = Int8Array.from({ length: 128 }, (_, c) =>
  "[{".includes(String.fromCharCode(c)) ? 1 : "]}".includes(String.fromCharCode(c)) ? -1 : 0,
);

/** By its brackets alone, before anything is built of it. `knowsStrings`: brackets in strings do not count, as JSON has them. */
function isTooDeep(text: string, knowsStrings: boolean): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString && c === BACKSLASH) i++;
    else if (knowsStrings && c === QUOTE) inString = !inString;
    else if (!inString) depth += STEPS[c] ?? 0;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return depth === 0 || Object.values(value).some((v) => isDeeper(v, depth - 1));
}
