import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";

/** Where runs of the demo leave their stores, newest first. */
export function runFolders(under: string): string[] {
  if (!existsSync(under)) return [];
  return readdirSync(under)
    .map((name) => join(under, name))
    .filter((folder) => existsSync(join(folder, "mano.db")))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}

/** The store that was asked for, or the one of the newest run. Throws NOT_FOUND with what to do. */
export function storePath(asked: string | undefined, under: string, name: "mano.db" | "vim.db"): string {
  const path = asked ?? runFolders(under).map((folder) => join(folder, name))[0];
  if (path !== undefined && existsSync(path)) return path;
  throw new Fault(
    "NOT_FOUND",
    asked === undefined
      ? `there is no store yet under ${under}: run ./sempre demo first, or name one with --store`
      : `there is no file ${asked}`,
  );
}
