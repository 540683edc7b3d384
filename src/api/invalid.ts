import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Value } from "typebox/value";
import { isFromYaml } from "./body.ts";
import { pythonText } from "./python-text.ts";
import { WireError } from "./wire-error.ts";

/**
 * The body as the schema knows it. Members that it does not name are dropped without a word, as in the original, but where the schema is
 * closed (`additionalProperties: false`) they are refused, and where it says what others are they stay. Throws a 400 in the original's words.
 */
export function checked<S extends TSchema>(schema: S, body: unknown, say: Saying = asOpenvim): Static<S> {
  const known = named(schema, body, isFromYaml(body));
  if (validatorOf(schema).Check(known)) return known as Static<S>;
  const errors = Value.Errors(schema, known).filter((e) => e.keyword !== "boolean"); // Told as additionalProperties too.
  const inner = mostTelling(errors);
  const path = inner.instancePath.split("/").slice(1).map(unescaped);
  throw new WireError(400, say(sentence(inner, path.reduce(member, known)), path));
}

/** How a dialect says what is wrong, and where. */
export type Saying = (sentence: string, path: readonly string[]) => string;

const asOpenvim: Saying = (sentence, path) =>
  `Invalid content ${path.length === 0 ? "" : ` at '${path.join(":")}'`}: ${sentence}`;

/** Of a choice such as "an object or null" what is wrong inside the object says more than that it is no null. */
function mostTelling(errors: readonly SchemaError[]): SchemaError {
  const choice = errors.find((e) => e.keyword === "anyOf");
  if (choice === undefined) return errors[0]!;
  const inside = errors.find((e) => e.keyword !== "anyOf" && e.instancePath.startsWith(`${choice.instancePath}/`));
  const here = errors.find((e) => e.instancePath === choice.instancePath && !["anyOf", "type"].includes(e.keyword));
  return inside ?? here ?? choice;
}

/** Compiled when a route is asked first: a check of a good body then takes less than a microsecond. */
const validators = new WeakMap<TSchema, Validator>();
function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema);
  if (known !== undefined) return known;
  const made = Compile(schema);
  validators.set(schema, made);
  return made;
}

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** What YAML 1.1 takes for a boolean, where the schema wants one. */
const YAML_BOOLEAN: Readonly<Record<string, boolean>> = { yes: true, on: true, no: false, off: false };

/** As deep as the schema goes, whatever the body is. */
function named(schema: Schema, value: unknown, isYaml: boolean): unknown {
  if (typeof value === "string" && isYaml && schema.type === "boolean") return YAML_BOOLEAN[value.toLowerCase()] ?? value;
  if (typeof value !== "object" || value === null) return value;
  const { properties, items, additionalProperties } = schema;
  if (schema.anyOf !== undefined) {
    const fit = schema.anyOf.find((s) => (Array.isArray(value) ? s.items : s.properties) !== undefined);
    return fit === undefined ? value : named(fit, value, isYaml);
  }
  if (Array.isArray(value)) return items === undefined ? value : value.map((v) => named(items, v, isYaml));
  if (properties === undefined) return value;
  const kept = Object.entries(value).filter(([key]) => Object.hasOwn(properties, key) || additionalProperties !== undefined);
  return Object.fromEntries(
    kept.map(([key, v]) => [key, Object.hasOwn(properties, key) ? named(properties[key]!, v, isYaml) : v]),
  );
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
    case "minLength":
      return `${got} is too short`;
    case "maxLength":
      return `${got} is too long`;
    case "minimum":
      return `${got} is less than the minimum of ${error.params.limit}`;
    case "maximum":
      return `${got} is greater than the maximum of ${error.params.limit}`;
    case "minItems":
      return `${got} is too short`;
    case "maxItems":
      return `${got} is too long`;
    case "minProperties":
      return `${got} does not have enough properties`;
    case "maxProperties":
      return `${got} has too many properties`;
    case "additionalProperties": {
      const more = error.params.additionalProperties.map(pythonText);
      return `Additional properties are not allowed (${more.join(", ")} ${more.length === 1 ? "was" : "were"} unexpected)`;
    }
    case "anyOf":
      return `${got} is not valid under any of the given schemas`;
    case "type":
      return `${got} is not of type ${pythonText(error.params.type)}`;
    default:
      return `${got} ${error.message}`;
  }
}
