import type { TSchema } from "typebox";

/** The same schema, but an object that says nothing of further members has none. */
export function closedOf(schema: TSchema): TSchema {
  return closed(schema) as TSchema;
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.fromEntries(Object.entries(value).map(([key, v]) => [key, key === "enum" ? v : closed(v)]));
  const isOpen = "properties" in value && !("additionalProperties" in value);
  return isOpen ? { ...members, additionalProperties: false } : members;
}
