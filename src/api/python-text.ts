/** Deeper or longer is cut: a message is read by people. */
const DEPTH_MAX = 6;
const CHARS_MAX = 500;

/** A value as Python's `repr` prints it: the original is Python, and clients show its descriptions to their users. */
export function pythonText(value: unknown): string {
  const text = textOf(value, DEPTH_MAX);
  return text.length <= CHARS_MAX ? text : `${text.slice(0, CHARS_MAX)}...`;
}

function textOf(value: unknown, depth: number): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return stringText(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return depth === 0 ? "[...]" : `[${value.map((v) => textOf(v, depth - 1)).join(", ")}]`;
  if (depth === 0) return "{...}";
  return `{${Object.entries(value)
    .map(([k, v]) => `${stringText(k)}: ${textOf(v, depth - 1)}`)
    .join(", ")}}`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
function stringText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const short = text.slice(0, CHARS_MAX + 1);
  const escaped = short.replaceAll(/[\\\p{Cc}]/gu, (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}
