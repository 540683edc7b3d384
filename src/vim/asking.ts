import { randomUUID } from "node:crypto";
import { Fault } from "../lib/fault.ts";

// Rules that every kind of thing shares when somebody asks for one.

/** Without the members that were not given, so that a default or the old value stays. */
export function given<T extends object>(asked: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(asked).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** The id asked for, if it is free, else a new one. Throws CONFLICT. */
export function newId<K extends string>(things: ReadonlyMap<K, unknown>, asked: K | undefined): K {
  if (asked === undefined) return randomUUID() as string as K;
  if (things.has(asked)) throw inUse("uuid", asked);
  return asked;
}

/** Throws CONFLICT, in the original's words, when another thing has this value already. */
export function checkUnique<K extends string, T extends { readonly id: K }>(
  things: ReadonlyMap<K, T>,
  self: K | undefined,
  member: keyof T,
  value: T[keyof T] | null | undefined,
  wireName: string = String(member),
): void {
  if (value === null || value === undefined) return;
  for (const thing of things.values()) {
    if (thing.id !== self && thing[member] === value) throw inUse(wireName, String(value));
  }
}

/** The same where those that have the value are known. */
export function checkFree(
  holders: readonly { readonly id: string }[],
  self: string | undefined,
  wireName: string,
  value: string,
): void {
  if (holders.some((h) => h.id !== self)) throw inUse(wireName, value);
}

const inUse = (name: string, value: string) => new Fault("CONFLICT", `Value  '${value}'  already in use for  '${name}'`);

export const notFree = (what: string, by: "servers" | "instances" | "dependencies"): Fault =>
  new Fault("INVALID", `${what}Resource is not free. There are ${by} that prevent its deletion.`);

/** The thing with this id. Throws NOT_FOUND with the original's sentence. */
export function found<K extends string, T>(things: ReadonlyMap<K, T>, id: K, sentence: string): T {
  const thing = things.get(id);
  if (thing === undefined) throw new Fault("NOT_FOUND", sentence);
  return thing;
}
