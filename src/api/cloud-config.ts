import { type Static, Type } from "typebox";
import type { CloudConfig } from "../model/cloud-config.ts";
import { WireError } from "./wire-error.ts";

// What cloud-init in a server is told, with the members of OpenMANO's boot-data and its names for them.

const maybe = Type.Optional;
const closed = { additionalProperties: false } as const;
const line = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: "^[^\\n\\r]*$" });
const key = line(8_192);
const document = Type.String({ minLength: 1, maxLength: 262_144 });
const keys = maybe(Type.Array(key, { maxItems: 64 }));

export const cloudConfig = Type.Object(
  {
    "key-pairs": keys,
    users: maybe(
      Type.Array(Type.Object({ name: line(32), "user-info": maybe(line(255)), "key-pairs": keys }, closed), { maxItems: 64 }),
    ),
    "user-data": maybe(Type.Union([document, Type.Array(document, { maxItems: 16 })])),
    "config-files": maybe(
      Type.Array(
        Type.Object(
          {
            dest: Type.String({ minLength: 2, maxLength: 1_024, pattern: "^/" }),
            content: Type.String({ maxLength: 262_144 }),
            encoding: maybe(Type.Enum(["b64", "base64", "gz", "gzip", "gz+b64", "gz+base64", "gzip+base64", "text/plain"])),
            permissions: maybe(Type.String({ pattern: "^0?[0-7]{3,4}$" })),
            owner: maybe(Type.String({ pattern: "^[^\\s:]{1,32}(:[^\\s:]{1,32})?$" })),
          },
          closed,
        ),
        { maxItems: 256 },
      ),
    ),
    /** What is told is always on a disk of its own. */
    "boot-data-drive": maybe(Type.Boolean()),
  },
  closed,
);

/** All of it together: more is a file to be fetched, not something to say at boot. */
const CHARACTERS_MAX = 1_048_576;

/** Null where nothing is to be told. Throws 400 where it is too much. */
export function cloudConfigIn(
  asked: Static<typeof cloudConfig> | undefined,
  userdata: string | undefined,
): CloudConfig | undefined {
  if (asked === undefined && userdata === undefined) return undefined;
  const more = asked?.["user-data"] ?? [];
  const config = {
    keyPairs: asked?.["key-pairs"] ?? [],
    users: (asked?.users ?? []).map((u) => ({ name: u.name, userInfo: u["user-info"] ?? null, keyPairs: u["key-pairs"] ?? [] })),
    userData: [...(userdata === undefined ? [] : [userdata]), ...(typeof more === "string" ? [more] : more)],
    configFiles: (asked?.["config-files"] ?? []).map(({ dest, content, encoding = null, permissions = null, owner = null }) => ({
      ...{ dest, content, encoding, permissions, owner },
    })),
  };
  const length = JSON.stringify(config).length;
  if (length > CHARACTERS_MAX)
    throw new WireError(
      400,
      `cloud_config has ${length} characters: want at most ${CHARACTERS_MAX} (have the server fetch what is larger)`,
    );
  return config;
}
