import type { TSchema } from "typebox";
import type { Columns } from "../query.ts";
import type { Call } from "./call.ts";

export interface Route {
  readonly is: `${"GET" | "POST" | "PUT" | "DELETE"} /${string}`;
  /** The value to answer, always with status 200 as in OpenVIM. */
  readonly does: (call: Call) => unknown;
  /** What it does, for people. */
  readonly says: string;
  /** The body, by which the route checks it; left out: none is read. */
  readonly takes?: TSchema;
  readonly gives: TSchema;
  /** What its list, or its one thing, can be asked for. */
  readonly asks?: Columns;
  /** What is said with it by a word of its query, true or false, and what it means. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Who may: only the administrator, or sometimes only the administrator; left out: everybody. */
  readonly admin?: "only" | "sometimes";
  /** OpenVIM has it not. */
  readonly ours?: true;
}
