import type { Readable } from "node:stream";
import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { Fault } from "../../lib/fault.ts";

/** The largest body in JSON; packages are streamed and have a limit of their own. */
const BODY_BYTES_MAX = 1024 * 1024;
const MISTAKES_MAX = 20;
/** What is nested deeper could not be written as JSON again. */
const DEPTH_MAX = 64;

/** Throws TOO_LARGE. */
export async function bodyText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
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
  if (isDeeper(value, DEPTH_MAX)) throw new Fault("INVALID", `the body is nested deeper than ${DEPTH_MAX} levels`);
  return value;
}

const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === "object" && value !== null && (levels === 0 || Object.values(value).some((v) => isDeeper(v, levels - 1)));

const described = (schema: unknown): string | undefined => (schema as { description?: string } | undefined)?.description;

function describedAt(schema: TSchema, pointer: string): string | undefined {
  type Node = { properties?: Record<string, Node>; items?: Node };
  let node: Node | undefined = schema as Node;
  for (const key of pointer.split("/").slice(1)) node = node?.items ?? node?.properties?.[key];
  return described(node);
}
