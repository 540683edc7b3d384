import { Fault } from "../../lib/fault.ts";
import { type AttributePath, attributePath } from "./attribute-path.ts";

// Attribute-based filtering, SOL013 5.2: `filter=(eq,attribute,value);(in,other/attribute,'a','b')`.

const OPERATORS = ["eq", "neq", "gt", "gte", "lt", "lte", "cont", "ncont", "in", "nin"] as const;
type Operator = (typeof OPERATORS)[number];
/** They take several values. */
const MULTI: ReadonlySet<string> = new Set(["cont", "ncont", "in", "nin"]);

export interface Condition {
  readonly op: Operator;
  readonly path: AttributePath;
  readonly values: readonly string[];
}

export type Filter = readonly Condition[];

const EXPRESSIONS_MAX = 50;

/** Throws INVALID with what is wrong and at which character of the parameter. */
export function parseFilter(text: string, known: readonly string[]): Filter {
  const conditions: Condition[] = [];
  let at = 0;
  for (;;) {
    const { words, end } = expressionAt(text, at);
    conditions.push(conditionOf(words, known, at));
    if (conditions.length > EXPRESSIONS_MAX) throw wrong(at, `more than ${EXPRESSIONS_MAX} expressions`);
    if (end === text.length) return conditions;
    if (text[end] !== ";") throw wrong(end, `want ";" and another expression, got ${JSON.stringify(text.slice(end, end + 10))}`);
    at = end + 1;
  }
}

/** True where all conditions hold. An attribute that is not there meets none (SOL013 5.2.2). */
export const passes = (filter: Filter, resource: unknown): boolean =>
  filter.every(({ op, path, values }) => valuesAt(resource, path).some((v) => HOLDS[op](v, values)));

const wrong = (at: number, what: string): Fault => new Fault("INVALID", `filter, character ${at + 1}: ${what}`);

/** Reads `(word,word,'quoted, word')`. Answers its words and where it ends. */
function expressionAt(text: string, start: number): { words: string[]; end: number } {
  if (text[start] !== "(") throw wrong(start, "an expression begins with (, such as (eq,id,1)");
  const words: string[] = [];
  let at = start + 1;
  for (;;) {
    const { word, end } = text[at] === "'" ? quotedAt(text, at) : plainAt(text, at);
    words.push(word);
    if (text[end] === ")") return { words, end: end + 1 };
    if (text[end] !== ",") throw wrong(end, end >= text.length ? "the expression has no end: want )" : "want , or )");
    at = end + 1;
  }
}

function quotedAt(text: string, start: number): { word: string; end: number } {
  let word = "";
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] !== "'") word += text[at];
    else if (text[at + 1] === "'") {
      word += "'";
      at += 1;
    } else return { word, end: at + 1 };
  }
  throw wrong(start, "the quoted value has no end: want '");
}

function plainAt(text: string, start: number): { word: string; end: number } {
  const [word] = /^[^,)']*/.exec(text.slice(start)) as RegExpExecArray;
  const end = start + word.length;
  if (text[end] === "'") throw wrong(end, "a value with ' in it is quoted, and ' in it written ''");
  return { word, end };
}

function conditionOf([op, name, ...values]: readonly string[], known: readonly string[], at: number): Condition {
  if (!OPERATORS.includes(op as Operator))
    throw wrong(at, `${JSON.stringify(op)} is no operator; there are: ${OPERATORS.join(", ")}`);
  if (name === undefined || values.length === 0) throw wrong(at, `want (${op},attribute,value)`);
  if (values.length > 1 && !MULTI.has(op!)) throw wrong(at, `${op} takes one value; quote one that has a comma in it: '…'`);
  return { op: op as Operator, path: attributePath(name, known, `filter, character ${at + 1}`), values };
}

/** Every value that a path leads to: through a list, those of each of its members. */
function valuesAt(value: unknown, path: AttributePath): unknown[] {
  if (Array.isArray(value)) return value.flatMap((v) => valuesAt(v, path));
  const [first, ...rest] = path;
  if (first === undefined) return value === undefined || value === null ? [] : [value];
  if (typeof value !== "object" || value === null) return [];
  if (first === "@key") return rest.length === 0 ? Object.keys(value) : [];
  return Object.hasOwn(value, first) ? valuesAt((value as Record<string, unknown>)[first], rest) : [];
}

type Holds = (value: unknown, wanted: readonly string[]) => boolean;
const isOne: Holds = (value, wanted) => wanted.some((w) => order(value, w) === 0);
// An object is no text, and one of a client may have a "toString" that is none.
const hasOne: Holds = (value, wanted) => typeof value !== "object" && wanted.some((w) => String(value).includes(w));
const ordered =
  (test: (order: number) => boolean): Holds =>
  (value, [wanted]) => {
    const o = order(value, wanted!);
    return o !== null && test(o);
  };

const HOLDS: Readonly<Record<Operator, Holds>> = {
  eq: isOne,
  neq: (value, wanted) => !isOne(value, wanted),
  in: isOne,
  nin: (value, wanted) => !isOne(value, wanted),
  cont: hasOne,
  ncont: (value, wanted) => !hasOne(value, wanted),
  gt: ordered((o) => o > 0),
  gte: ordered((o) => o >= 0),
  lt: ordered((o) => o < 0),
  lte: ordered((o) => o <= 0),
};

const DATE_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/;

/** Numbers by their size, times by when they are, all else by its letters; null: they cannot be compared. */
function order(value: unknown, wanted: string): number | null {
  if (typeof value === "object") return null;
  if (typeof value === "number") {
    const number = wanted.trim() === "" ? Number.NaN : Number(wanted);
    return Number.isNaN(number) ? null : Math.sign(value - number);
  }
  const text = String(value);
  if (DATE_TIME.test(text) && DATE_TIME.test(wanted)) return Math.sign(Date.parse(text) - Date.parse(wanted));
  return text === wanted ? 0 : text < wanted ? -1 : 1;
}
