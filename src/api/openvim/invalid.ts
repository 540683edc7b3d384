import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { WireError } from "./wire-error.ts";

// The original is Python: its descriptions are those of the jsonschema package, which clients show to their users.

/** A value as Python's `repr` prints it. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return pythonString(value);
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([k, v]) => `${pythonText(k)}: ${pythonText(v)}`)
      .join(", ")}}`;
  }
  return String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll(
    /[\\\n\r\t\p{Cc}]/gu,
    (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}

/**
 * The body as the schema knows it. Members that it does not name are dropped without a word, as in the original, but where the schema is
 * closed (`additionalProperties: false`) they are refused. Throws a 400 in the original's words.
 */
export function checked<S extends TSchema>(schema: S, body: unknown): Static<S> {
  const known = named(schema, body);
  const errors = Value.Errors(schema, known).filter((e) => e.keyword !== "boolean"); // Told as additionalProperties too.
  if (errors.length === 0) return known as Static<S>;
  // Of a choice the members' errors come first; the choice itself says what was wanted.
  const first = errors.find((e) => e.keyword === "anyOf") ?? errors[0]!;
  const inner =
    first.keyword === "anyOf"
      ? (errors.find((e) => e.instancePath === first.instancePath && e.keyword !== "anyOf" && e.keyword !== "type") ?? first)
      : first;
  const path = inner.instancePath.split("/").slice(1).map(unescaped);
  const at = path.length === 0 ? "" : ` at '${path.join(":")}'`;
  throw new WireError(400, `Invalid content ${at}: ${sentence(inner, path.reduce(member, known))}`);
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** As deep as the schema goes, whatever the body is. */
function named(schema: Schema, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { properties, items, additionalProperties } = schema;
  if (schema.anyOf !== undefined) {
    const fit = schema.anyOf.find((s) => (Array.isArray(value) ? s.items : s.properties) !== undefined);
    return fit === undefined ? value : named(fit, value);
  }
  if (Array.isArray(value)) return items === undefined ? value : value.map((v) => named(items, v));
  if (properties === undefined) return value;
  const kept = Object.entries(value).filter(([key]) => Object.hasOwn(properties, key) || additionalProperties === false);
  return Object.fromEntries(kept.map(([key, v]) => [key, Object.hasOwn(properties, key) ? named(properties[key]!, v) : v]));
}

/** JSON pointer escapes (RFC 6901, 4). */
const unescaped = (part: string) => part.replaceAll("~1", "/").replaceAll("~0", "~");
const member = (value: unknown, key: string): unknown => (value as Record<string, unknown> | null | undefined)?.[key];

type SchemaError = ReturnType<typeof Value.Errors>[number];

function sentence(error: SchemaError, value: unknown): string {
  const got = pythonText(value);
  switch (error.keyword) {
    case "required":
      return `'${error.params.requiredProperties[0]}' is a required property`;
    case "enum":
      return `${got} is not one of ${pythonText(error.params.allowedValues)}`;
    case "pattern":
      return `${got} does not match ${pythonText(String(error.params.pattern).replace(/^\/(.*)\/[a-z]*$/, "$1"))}`;
    case "minProperties":
      return `${got} does not have enough properties`;
    case "maxProperties":
      return `${got} has too many properties`;
    case "additionalProperties": {
      const more = error.params.additionalProperties.map(pythonText);
      return `Additional properties are not allowed (${more.join(", ")} ${more.length === 1 ? "was" : "were"} unexpected)`;
    }
    case "type":
      return `${got} is not of type ${pythonText(error.params.type)}`;
    default:
      return `${got} ${error.message}`;
  }
}
