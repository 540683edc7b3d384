import { Fault } from "../../lib/fault.ts";

// Paging, SOL013 5.4: a page and a link to the next one, whose marker means nothing to whoever follows it.

interface Identified {
  readonly id: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Of the next page; null: this is the last. */
  readonly marker: string | null;
}

const FORM = 1;

/** The page after a marker. It goes on behind the member that was last, also where that has been deleted meanwhile. Throws INVALID for what is no marker of ours. */
export function pageOf<T extends Identified>(all: readonly T[], marker: string | undefined, size: number): Page<T> {
  const from = marker === undefined ? 0 : after(all, marker);
  const items = all.slice(from, from + size);
  const last = items.at(-1);
  const isLast = last === undefined || from + size >= all.length;
  return { items, marker: isLast ? null : markerOf(last.id, from + size) };
}

const markerOf = (id: string, at: number): string => Buffer.from(JSON.stringify([FORM, id, at])).toString("base64url");

function after(all: readonly Identified[], marker: string): number {
  const [form, id, at] = read(marker);
  if (form !== FORM || typeof id !== "string" || !Number.isInteger(at) || (at as number) < 0)
    throw new Fault("INVALID", "nextpage_opaque_marker: it is none of ours; ask for the list without it, and follow its Link");
  const found = all.findIndex((one) => one.id === id);
  return found >= 0 ? found + 1 : Math.min(Math.max((at as number) - 1, 0), all.length);
}

function read(marker: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(marker, "base64url").toString("utf8"));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
