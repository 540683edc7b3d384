/** Whether two values, of what JSON has, are the same in all that is in them. */
export function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [one, other] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  let count = 0;
  for (const key in one) {
    if (!isAlike(one[key], other[key])) return false;
    count++;
  }
  for (const _ in other) count--;
  return count === 0;
}
