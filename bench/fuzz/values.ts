import type { Chance } from "../../test/chaos/chance.ts";

/** JSON Schema, as far as the document uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
}

/** What values are made from: chance, and ids of things that exist. */
export interface Source {
  readonly chance: Chance;
  /** Of something that a member of this name is about. */
  readonly ids: (member: string) => string;
  /** What a text of this name is to be, where a schema says no more of it than that it is a text. */
  readonly known?: (member: string) => string | null;
  readonly resolve: (ref: string) => Schema;
}

const word = (chance: Chance) => `w${chance.whole(0, 400)}`;
/** One of each form that some pattern of the API wants. */
const samples = (c: Chance): string[] => [
  `52:54:00:00:0${c.whole(0, 9)}:${c.whole(10, 99)}`,
  `0000:0${c.whole(0, 9)}:00.0`,
  `openflow:s${c.whole(0, 30)}`,
  `openflow:s${c.whole(0, 30)}:vlan`,
  `bridge:b${c.whole(0, 30)}`,
  "macvtap:em1",
  "default",
  `10.${c.whole(0, 255)}.0.${c.whole(0, 255)}`,
  `10.${c.whole(0, 255)}.0.0/${c.whole(0, 32)}`,
  `${c.whole(0, 100)} Gbps`,
  `vlan:${c.whole(0, 5_000)}`,
];

/** Addresses that nobody is reached at: a fuzz speaks to no one. */
const NOWHERE: Readonly<Record<string, (c: Chance) => unknown>> = {
  callback: (c) => c.one(["http://127.0.0.1:9/x", "https://127.0.0.1:9/", "ftp://127.0.0.1/", "x"]),
  tokenEndpoint: () => "http://127.0.0.1:9/token",
  callbackUri: (c) => c.one(["http://127.0.0.1:9/x", "https://127.0.0.1:9/", "ftp://127.0.0.1/", "x"]),
  addressInformation: (c) => c.one(["http://127.0.0.1:9/x", "file:///etc/passwd", "x"]),
  ip: () => "127.0.0.1",
  port: () => 9,
  path: (c) => `/images/${word(c)}.qcow2`,
};

/** A value that the schema takes, most of the time: patterns of two schemas can want what no sample has. */
export function madeFrom(schema: Schema, source: Source, member = ""): unknown {
  const { chance } = source;
  if (schema.$ref !== undefined) return madeFrom(source.resolve(schema.$ref), source, member);
  if (schema.enum !== undefined) return chance.one(schema.enum);
  if (schema.const !== undefined) return schema.const;
  if (schema.allOf !== undefined) return madeFrom(together(schema, source), source, member);
  const choice = schema.anyOf ?? schema.oneOf;
  // Where an object is described beside it, a choice says which of its members go together.
  if (choice !== undefined && schema.properties === undefined) return madeFrom(chance.one(choice), source, member);
  switch (schema.type ?? (schema.properties && "object")) {
    case "object":
      return objectOf(schema, source);
    case "array":
      return Array.from({ length: chance.whole(schema.minItems ?? 0, 3) }, () => madeFrom(schema.items ?? {}, source));
    case "string":
      return textOf(schema, source, member);
    case "integer":
    case "number":
      return numberOf(schema, chance);
    case "boolean":
      return chance.is(0.5);
    case "null":
      return null;
    default:
      return chance.one([null, 1, "x", {}]);
  }
}

/** What all of them want at once. */
function together({ allOf = [], ...own }: Schema, source: Source): Schema {
  const parts = [...allOf.map((s) => (s.$ref === undefined ? s : source.resolve(s.$ref))), own];
  return {
    ...Object.assign({}, ...parts),
    properties: Object.assign({}, ...parts.map((s) => s.properties)),
    required: parts.flatMap((s) => s.required ?? []),
  };
}

const isPlain = ({ type, $ref }: Schema) => type !== "object" && $ref === undefined;

function objectOf({ properties = {}, patternProperties = {}, required = [] }: Schema, source: Source): object {
  const keys = Object.keys(properties).filter((key) => required.includes(key) || source.chance.is(0.4));
  const own = keys.map(
    (key) =>
      [
        key,
        (isPlain(properties[key]!) ? NOWHERE[key]?.(source.chance) : undefined) ?? madeFrom(properties[key]!, source, key),
      ] as const,
  );
  const more = Object.entries(patternProperties).flatMap(([pattern, s]) =>
    source.chance.is(0.5) ? [[textOf({ pattern }, source, ""), madeFrom(s, source)] as const] : [],
  );
  return Object.fromEntries([...own, ...more]);
}

function textOf({ pattern, minLength = 0, maxLength }: Schema, { chance, ids, known }: Source, member: string): string {
  const named = pattern === undefined ? (known?.(member) ?? null) : null;
  if (named !== null) return named;
  const wanted = new RegExp(pattern ?? "", "u");
  const id = ids(member);
  if (pattern !== undefined && wanted.test(id) && !wanted.test(word(chance))) return id;
  const fitting = [word(chance), ...samples(chance)].filter(
    (s) => wanted.test(s) && s.length >= minLength && s.length <= (maxLength ?? s.length),
  );
  return pattern === undefined ? word(chance) : (fitting[chance.is(0.7) ? 0 : chance.whole(0, fitting.length - 1)] ?? id);
}

function numberOf({ minimum = 0, maximum = 10_000 }: Schema, chance: Chance): number {
  return chance.is(0.2) ? chance.one([minimum, maximum]) : chance.whole(minimum, Math.min(maximum, minimum + 4_000));
}

const deep = (n: number): unknown => JSON.parse(`${"[".repeat(n)}${"]".repeat(n)}`);
/** What no schema expects somewhere. */
const NONSENSE: readonly ((c: Chance) => unknown)[] = [
  () => null,
  () => "",
  () => {},
  () => [],
  () => ({}),
  () => true,
  () => -1,
  () => 1.5,
  () => 2 ** 53,
  () => 1e300,
  () => "null",
  () => "' or '1'='1",
  () => "\u0000",
  () => "a\u0000b",
  () => "\ud83d\ude00 \u202e\u00e4\u4e2d",
  () => "\ud800",
  (c) => "x".repeat(c.one([255, 256, 300, 5_000])),
  () => ({ __proto__: null, constructor: 1, toString: 2 }),
  (c) => deep(c.one([5, 63, 70, 500])),
  () => [[[[]]], { a: { b: {} } }],
];

/** The value with something wrong in it, at any depth. */
export function spoiled(value: unknown, chance: Chance): unknown {
  const isLeaf = typeof value !== "object" || value === null;
  if (isLeaf || chance.is(0.15)) return chance.one(NONSENSE)(chance);
  if (Array.isArray(value))
    return value.length === 0 ? [spoiled(null, chance)] : value.map((v, i) => (i === 0 ? spoiled(v, chance) : v));
  const entries = Object.entries(value);
  const at = chance.whole(0, entries.length);
  if (at === entries.length)
    return { ...value, [chance.one(["zz", "__proto__", "constructor", "id", "a:b/c~d"])]: chance.one(NONSENSE)(chance) };
  if (chance.is(0.2)) return Object.fromEntries(entries.filter((_, i) => i !== at));
  return Object.fromEntries(entries.map(([k, v], i) => [k, i === at ? spoiled(v, chance) : v]));
}
