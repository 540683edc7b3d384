import type { Readable } from "node:stream";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { Fault } from "../../lib/fault.ts";

/** The largest body in JSON; packages are streamed and have a limit of their own. */
const BODY_BYTES_MAX = 1024 * 1024;
const MISTAKES_MAX = 20;
/** Objects and lists within one another. What lies deeper could be stored, and then not be shown: all that shows it calls itself. */
const DEPTH_MAX = 100;

/** Throws TOO_LARGE. */
export async function bodyText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new Fault("TOO_LARGE", `the body is larger than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** A body in JSON. Throws INVALID with every mistake in it: the path, what is wanted, what was got. Attributes that a schema does not know pass (SOL013 6.2). */
export function checkedJson(text: string, schema: TSchema): unknown {
  const value = parsed(text, schema);
  const mistakes = [...Value.Errors(schema, value)].map((e) => {
    const at = e.instancePath.slice(1) || "the body";
    const wanted = describedAt(schema, e.instancePath);
    return wanted === undefined ? `${at}: ${e.message}` : `${at}: want ${wanted}; ${e.message}`;
  });
  if (mistakes.length > 0) throw new Fault("INVALID", [...new Set(mistakes)].slice(0, MISTAKES_MAX).join("\n"));
  return value;
}

function parsed(text: string, schema: TSchema): unknown {
  if (text.trim() === "") throw new Fault("INVALID", `the body is empty: want ${described(schema) ?? "an object in JSON"}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new Fault("INVALID", `the body is not JSON: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (isTooDeep(value)) throw new Fault("INVALID", `the body has more than ${DEPTH_MAX} objects and lists within one another`);
  return value;
}

function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= DEPTH_MAX; depth += 1) {
    level = level.flatMap((v) => (typeof v === "object" && v !== null ? Object.values(v) : []));
    if (level.length === 0) return false;
  }
  return true;
}

const described = (schema: unknown): string | undefined => (schema as { description?: string } | undefined)?.description;

function describedAt(schema: TSchema, pointer: string): string | undefined {
  type Node = { properties?: Record<string, Node>; items?: Node };
  let node: Node | undefined = schema as Node;
  for (const key of pointer.split("/").slice(1)) node = node?.items ?? node?.properties?.[key];
  return described(node);
}
