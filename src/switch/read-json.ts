/** What a controller answered, looked into without trust: a member that is not of the form it should be reads as an empty one. */
export type Json = Readonly<Record<string, unknown>>;

const isObject = (v: unknown): v is Json => typeof v === "object" && v !== null && !Array.isArray(v);
export const objectsIn = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
export const objectIn = (value: unknown): Json => (isObject(value) ? value : {});
/** A member by its name, with or without the module before it (RFC 7951, 4). */
export const memberOf = (object: Json, name: string): unknown =>
  object[name] ?? Object.entries(object).find(([k]) => k.endsWith(`:${name}`))?.[1];
