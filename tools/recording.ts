import { readFileSync } from "node:fs";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";

/** What a user of a tool did wrong: told in one sentence, without a stack. */
export class Mistake extends Error {
  override readonly name = "Mistake";
}

/** A case and the line it stands on, counted from 1. */
export interface Numbered<T> {
  readonly line: number;
  readonly value: T;
}

/** Reads one JSON value per line; empty lines are passed over. Throws Mistake naming the file, the line and what is wanted there. */
export function readRecording<T>(path: string, schema: TSchema, what: string): Numbered<T>[] {
  const cases: Numbered<T>[] = [];
  for (const [i, text] of textOf(path).split("\n").entries()) {
    if (text.trim() === "") continue;
    cases.push({ line: i + 1, value: parsed<T>(text, schema, what, `${path}:${i + 1}`) });
  }
  if (cases.length === 0) throw new Mistake(`${path} holds no line: want ${what}, one JSON object on each line`);
  return cases;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (e) {
    throw new Mistake(`${path} cannot be read: ${(e as Error).message}`);
  }
}

function parsed<T>(text: string, schema: TSchema, what: string, at: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new Mistake(`${at} is no JSON (${(e as Error).message}): want ${what}, one JSON object on each line`);
  }
  const wrong = Value.Errors(schema, value)[0];
  if (wrong === undefined) return value as T;
  const member = wrong.keyword === "required" ? `/${wrong.params.requiredProperties[0]}` : "";
  throw new Mistake(
    `${at} is not ${what}: at ${wrong.instancePath}${member || (wrong.instancePath ? "" : "the top")}: ${wrong.message}`,
  );
}
