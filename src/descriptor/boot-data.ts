import type { CloudConfig, CloudUser, ConfigFile } from "../model/cloud-config.ts";
import type { Spot } from "./spot.ts";

// What a VM is told at its first boot, in the words of each form. A VIM passes it on as a seed for cloud-init.

const DOCUMENT_CHARS_MAX = 262_144;
const KEY_CHARS_MAX = 8_192;
const ENCODINGS = ["b64", "base64", "gz", "gzip", "gz+b64", "gz+base64", "gzip+base64", "text/plain"];

export const NOTHING_TOLD: CloudConfig = { keyPairs: [], users: [], userData: [], configFiles: [] };

/** OpenMANO's `boot-data` of a VNFC, and its `cloud-config`; null: it is told nothing. */
export function readOpenmanoBoot(boot: Spot): CloudConfig | null {
  if (!boot.isThere) return null;
  boot.object("boot data").only(["key-pairs", "users", "user-data", "config-files", "boot-data-drive"]);
  boot.get("boot-data-drive").flag("whether it is on a disk of its own");
  return {
    keyPairs: keysIn(boot),
    users: boot.get("users").items("users").map(userOf),
    userData: boot
      .get("user-data")
      .items("documents for cloud-init")
      .map((d) => d.words("a document for cloud-init", DOCUMENT_CHARS_MAX)),
    configFiles: boot.get("config-files").items("files").map(fileOf),
  };
}

const keysIn = (spot: Spot): string[] =>
  spot
    .get("key-pairs")
    .items("public SSH keys")
    .map((k) => k.words("a public SSH key", KEY_CHARS_MAX));

function userOf(user: Spot): CloudUser {
  user.object("a user").only(["name", "user-info", "key-pairs"]);
  return {
    name: user.get("name").name("the user's name", 32),
    userInfo: user.get("user-info").textOr(null, "who it is"),
    keyPairs: keysIn(user),
  };
}

function fileOf(file: Spot): ConfigFile {
  file.object("a file").only(["dest", "content", "encoding", "permissions", "owner"]);
  const dest = pathIn(file.get("dest"));
  const content = file.get("content").words("what is in it", DOCUMENT_CHARS_MAX);
  const encoding = file.get("encoding").textOr(null, "how it is written");
  if (encoding !== null && encoding !== "" && !ENCODINGS.includes(encoding))
    file.get("encoding").refuse(`${file.get("encoding").said} is not possible here`, `write one of ${ENCODINGS.join(", ")}`);
  const permissions = file.get("permissions").textOr(null, "its rights, octal");
  if (permissions !== null && !/^0?[0-7]{3,4}$/.test(permissions))
    file.get("permissions").refuse(`${file.get("permissions").said} is not possible here`, 'write octal digits, such as "0644"');
  return { dest, content, encoding, permissions, owner: file.get("owner").textOr(null, "user:group") };
}

function pathIn(spot: Spot): string {
  const path = spot.text("the path of a file in the guest");
  if (path !== "" && !path.startsWith("/")) spot.refuse(`${spot.said} is no whole path`, "begin it with a /");
  return path;
}

/**
 * `boot-data` of a VDU in SOL006 and SOL001: a text, or `content` of `content-or-file-data`, as a document for cloud-init or, with a `destination-path`, as a file
 * (IFA 011 7.1.6.2, 7.1.6.2a); and `cloud-init` in OSM's dialect. Null: it is told nothing. What would have to be told in another way is refused: a VM that boots without
 * it is not the one that was described.
 */
export function readBootData(vdu: Spot): CloudConfig | null {
  const boot = vdu.first("boot-data", "boot_data", "cloud-init");
  const inFile = vdu.get("cloud-init-file");
  if (inFile.isThere) inFile.refuse("files of a package are not passed to VMs", "write what is in it, at cloud-init");
  if (!boot.isThere) return null;
  if (typeof boot.value === "string") return { ...NOTHING_TOLD, userData: [documentIn(boot)] };
  boot.object("boot data");
  const pairs = boot.first("kvp-data", "kvp_data");
  if (pairs.isThere) pairs.refuse("pairs of keys and values are not passed to VMs", REMEDY);
  const told = boot.first("content-or-file-data", "content_or_file_data");
  return told.isThere ? contentOf(told) : null;
}

const REMEDY = "write what cloud-init is to be told, at content of content-or-file-data";

function contentOf(told: Spot): CloudConfig {
  told.object("what it is told");
  for (const key of ["data", "source-path", "source_path"])
    if (told.get(key).isThere) told.get(key).refuse("is not passed to VMs", REMEDY);
  const content = documentIn(told.get("content"));
  const paths = told.first("destination-path", "destination_path").items("paths in the guest");
  if (paths.length === 0) return { ...NOTHING_TOLD, userData: [content] };
  const configFiles = paths.map((path) => ({ ...AS_IT_IS, dest: pathIn(path), content }));
  return { ...NOTHING_TOLD, configFiles };
}

const AS_IT_IS = { encoding: null, permissions: null, owner: null };

function documentIn(spot: Spot): string {
  const text = spot.words("what it is told", DOCUMENT_CHARS_MAX);
  if (text !== "" && text.trim() === "") spot.refuse("is empty", "write what it is told, or remove it");
  return text;
}
