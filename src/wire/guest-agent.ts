// The QEMU guest agent's protocol (docs/interop/qemu-ga.rst, qga/qapi-schema.json): lines of JSON over a virtio-serial port. No I/O.

/** Name of the port in the guest: agents of Linux, Windows and BSD guests listen there. */
export const AGENT_PORT = "org.qemu.guest_agent.0";

/** Makes the agent forget a half command that somebody before us left on the line; it answers that with an error. */
export const RESET = "\xff";

/**
 * `guest-sync`, which echoes a number: a ping whose answer says which one it is for. Every version of the agent has it, and answers it
 * also while the guest's file systems are frozen.
 */
export const syncRequest = (request: number): string =>
  `${JSON.stringify({ execute: "guest-sync", arguments: { id: request } })}\n`;

/** What the agent said: the number it was asked to echo, or that it does not do what it was asked, and why. */
export type AgentAnswer = { readonly request: number } | { readonly refuses: string };

/** An answer of the agent's is some dozen bytes; whoever sends more without a line's end is no agent. */
const LINE_CHARS_MAX = 65_536;
const REASON_CHARS_MAX = 200;

/** Cuts what comes from the channel into answers. What is none, as a guest may write anything, is left out. */
export class AgentLines {
  #held = "";

  push(text: string): AgentAnswer[] {
    const lines = (this.#held + text).split("\n");
    this.#held = (lines.pop() ?? "").slice(-LINE_CHARS_MAX);
    return lines.flatMap((line) => answerIn(line) ?? []);
  }
}

function answerIn(line: string): AgentAnswer | null {
  let said: unknown;
  try {
    said = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof said !== "object" || said === null) return null;
  const { return: request, error } = said as { return?: unknown; error?: { desc?: unknown } };
  if (Number.isSafeInteger(request)) return { request: request as number };
  return error ? { refuses: printable(String(error.desc ?? "it gives no reason")) } : null;
}

/** What a tenant's guest says ends up in alarms, logs and on terminals. */
const printable = (words: string): string => words.slice(0, REASON_CHARS_MAX).replaceAll(/[^\x20-\x7e]/g, "?");
