/** Text in HTML and SVG. A machine's or member's name must not become markup. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** From here on milliseconds are said in seconds. */
const SECONDS_FROM_MS = 2_000;

/** Milliseconds for people: as many digits as mean something. */
export function msText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  return Math.abs(ms) >= SECONDS_FROM_MS ? `${(ms / 1000).toFixed(2)} s` : `${numberText(ms)} ms`;
}

/** A number of ms without its unit, for tables and axes. */
export function numberText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  const size = Math.abs(ms);
  const digits = size >= 99.95 || ms === 0 ? 0 : size >= 0.995 ? 1 : 2;
  return ms.toFixed(digits).replace("-", "−");
}

export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** "a, b and c". */
export const listText = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
