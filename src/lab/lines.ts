import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** One line of JSON per message, both ways: what the lab's programs say to the one that started them, and are told. */
export function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/**
 * Calls back for every line that comes in, and once at its end: a program of the lab ends when its parent does. Lines that are
 * not JSON (a person typing "stop") come as `{ do: line }`.
 */
export function listen(input: Readable, onMessage: (message: Record<string, unknown>) => void, onEnd: () => void): void {
  const lines = createInterface({ input });
  lines.on("line", (line) => onMessage(parse(line)));
  lines.on("close", onEnd);
}

function parse(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { do: String(value) };
  } catch {
    return { do: line.trim() };
  }
}
