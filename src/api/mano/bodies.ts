import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { parse } from "yaml";
import { Fault } from "../../lib/fault.ts";

// Request bodies. Unknown members are refused: a misspelt one must not silently mean the default.
const closed = { additionalProperties: false } as const;
const text = (description: string, more: object = {}) => Type.String({ minLength: 1, maxLength: 255, description, ...more });

/** SOL005 6.5.2.9 CreateNsRequest, with the VIM in place of locality constraints. */
export const createNs = Type.Object(
  {
    nsdId: text("the id of an NSD"),
    nsName: text('a name: letters, digits, ".", "_" and "-", at most 40', { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$" }),
    vimAccountId: Type.Optional(text("the id or name of a VIM account")),
    /** Of what is not to go there. */
    vimAccounts: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 255 }), {
        description: "an object: id of a VNFC or VDU → id or name of the VIM account it goes to",
      }),
    ),
  },
  { ...closed, description: "an object with nsdId, nsName and perhaps vimAccountId, vimAccounts" },
);

/** An operator's command, in the words of ITU-T G.8031. */
export const groupCommand = Type.Object(
  {
    command: Type.Enum(["lockout", "force", "manual", "exercise", "clear"], {
      description: "lockout, force, manual, exercise or clear",
    }),
    to: Type.Optional(text("the id or name of the member that traffic shall go to (force, manual)")),
    traffic_nets: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
        maxItems: 64,
        description: "a list of ids or names of traffic nets of the group; all of them when it is left out",
      }),
    ),
    dry_run: Type.Optional(Type.Boolean({ description: "true: only say what it would do" })),
  },
  { ...closed, description: "an object with command and perhaps to, traffic_nets, dry_run" },
);

export const newVim = Type.Object(
  {
    id: Type.Optional(text("a uuid of your choice")),
    name: text("a name"),
    url: text("the VIM's API, such as http://127.0.0.1:9080/openvim", { pattern: "^https?://" }),
    adminUrl: text("the VIM's administrator API, such as http://127.0.0.1:9085/openvim", { pattern: "^https?://" }),
    tenant: Type.Optional(text("the name or id of a tenant in that VIM")),
  },
  { ...closed, description: "an object with name, url, adminUrl and perhaps id, tenant" },
);

/** The body of a request, JSON or YAML. Throws INVALID with every mistake in it: the path, what is wanted, what was got. */
export function checkedBody<S extends TSchema>(schema: S, body: unknown): Static<S> {
  const value = parsed(body);
  const mistakes = Value.Errors(schema, value).map((e) => {
    const at = e.instancePath.replaceAll("/", ".").slice(1) || "the body";
    const wanted = e.instancePath === "" ? schema : (schema as { properties?: Record<string, TSchema> }).properties?.[at];
    const described = (wanted as { description?: string } | undefined)?.description;
    return described === undefined ? `${at}: there is no such member` : `${at}: want ${described}; ${e.message}`;
  });
  if (mistakes.length > 0) throw new Fault("INVALID", [...new Set(mistakes)].join("\n"));
  return value as Static<S>;
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return null;
  try {
    return parse(body, { maxAliasCount: 0 });
  } catch (e) {
    throw new Fault("INVALID", `the body is neither JSON nor YAML: ${e instanceof Error ? e.message.split("\n")[0] : String(e)}`);
  }
}
