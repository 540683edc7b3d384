import { STATUS_CODES } from "node:http";
import { type Answer, descriptionOf, type Exchange } from "./exchange.ts";

/** Where the original is wrong and we are right: each rule names its row in docs/decisions/0047. */
export interface ListedDifference {
  readonly decision: string;
  readonly why: string;
}

/** What an error of the original should have been, where its handler wrapped it: status 400 and the text `(404, 'port x not found')`. */
export function unwrapped(e: Exchange): Exchange {
  const inner = /^\((\d{3}), (["'])(.*)\2\)$/s.exec(descriptionOf(e.response) ?? "");
  if (inner === null) return e;
  const status = Number(inner[1]);
  const description = pythonString(inner[3]!);
  return { ...e, status, response: { error: { code: status, type: `${status} ${STATUS_CODES[status]}`, description } } };
}

/** What Python's `repr` wrote, undone. */
const pythonString = (text: string): string => text.replaceAll(/\\([\\'"])/g, "$1");

/** The text of a bug: what a Python exception says when nobody meant it for a client. */
const CRASH =
  /'NoneType' object|object (has no attribute|is not subscriptable)|^KeyError|^TypeError|^IndexError|unexpected keyword|list index out of range|local variable .* referenced before/;

/**
 * Null: the exchange is to be compared. Else the original erred there; `isRight` says whether ours did right in its place, by the rule alone.
 */
export function listedDifference(recorded: Exchange, ours: Answer): (ListedDifference & { readonly isRight: boolean }) | null {
  const description = descriptionOf(recorded.response) ?? "";
  const isError = ours.status >= 400 && ours.status < 500;
  const isClear = ours.status < 400 || (isError && (descriptionOf(parsed(ours.text)) ?? "") !== "");
  if (recorded.status >= 400 && CRASH.test(description))
    return { decision: "0047 (E3)", why: "the original answers with the text of a bug of its own", isRight: isClear };
  if (recorded.status === 500 && description.startsWith("Error deleting tenant"))
    return { decision: "0047 (E4)", why: "a tenant that is in use is 400 with the reason", isRight: isError && isClear };
  if (recorded.path === "/version" && typeof recorded.response === "string")
    return { decision: "0077 (V1)", why: "it says which program it is", isRight: ours.text.startsWith("openmanod version ") };
  if (/\/scenarios\/[^/]+\/action$/.test(recorded.path) && /does not have external network/.test(description))
    return { decision: "0077 (V2)", why: "the original does not find the netmap that it has", isRight: isClear };
  if (recorded.status === 500)
    return { decision: "0047 (E2)", why: "what a client did wrong is told it, and is no 500", isRight: isClear };
  return null;
}

/** Two descriptions that say the same though their words differ. */
export function saysTheSame(recorded: string, ours: string): boolean {
  const parser = /^Invalid (json|yaml) format /;
  if (parser.test(recorded)) return parser.exec(recorded)?.[0] === parser.exec(ours)?.[0];
  if (ours.startsWith(recorded)) return true; // Ours goes on, with a reason for each host.
  // The original had lost the place: the sentence itself is the same.
  return (
    recorded.startsWith("Invalid content : ") &&
    /^Invalid content {2}at '[^']*': /.test(ours) &&
    ours.endsWith(recorded.slice("Invalid content : ".length))
  );
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
