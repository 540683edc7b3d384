const NAMES_MAX = 20;

/** The first of them, in words: nobody reads a thousand in an error. */
export function someOf(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return names.length === 0 ? "none" : `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
