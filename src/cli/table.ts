/** A plain text table: a heading line, then one line per row; columns as wide as their longest cell. Numbers stand to the right. */
export function table(heading: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  const text = rows.map((row) => row.map((cell) => (cell === null ? "-" : String(cell))));
  const widths = heading.map((h, i) => Math.max(h.length, ...text.map((row) => row[i]?.length ?? 0)));
  const isNumeric = heading.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === "number" || row[i] === null));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
      .join("  ")
      .trimEnd();
  return [line(heading.map((h) => h.toUpperCase())), ...text.map(line)].join("\n");
}

/** Milliseconds as people read them: 0.4, 12.3, 671. */
export const ms = (n: number | null | undefined): string =>
  n === null || n === undefined ? "-" : n < 100 ? n.toFixed(1) : n.toFixed(0);
