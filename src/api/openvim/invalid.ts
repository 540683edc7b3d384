import type { Static, TSchema } from "typebox";
import { Value } from "typebox/value";
import { WireError } from "./wire-error.ts";

// The original is Python: its descriptions are those of the jsonschema package, which clients show to their users.

/** A value as Python prints it. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string")
    return value.includes("'") && !value.includes('"') ? `"${value}"` : `'${value.replaceAll("'", "\\'")}'`;
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([k, v]) => `${pythonText(k)}: ${pythonText(v)}`)
      .join(", ")}}`;
  }
  return String(value);
}

/** The body as the schema knows it, without members it does not name. Throws a 400 in the original's words. */
export function checked<S extends TSchema>(schema: S, body: unknown): Static<S> {
  const known = Value.Clean(schema, Value.Clone(body));
  const errors = Value.Errors(schema, known);
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
    case "additionalProperties":
      return `Additional properties are not allowed (${error.params.additionalProperties.map((p) => `'${p}'`).join(", ")} was unexpected)`;
    case "type":
      return `${got} is not of type ${pythonText(error.params.type)}`;
    default:
      return `${got} ${error.message}`;
  }
}
