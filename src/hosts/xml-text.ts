import { Fault } from "../lib/fault.ts";

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;" };

/** Text for an element or an attribute. Throws INVALID for a character that XML cannot carry. */
export function esc(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 (2.2) cannot carry
  if (/[\u0000-\u001f\ufffe\uffff]/.test(value)) throw new Fault("INVALID", "a control character in a server's description");
  return value.replace(/[&<>'"]/g, (c) => ENTITIES[c]!);
}

export const element = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `<${name}>${esc(value)}</${name}>`;
