import { existsSync } from "node:fs";
import { join } from "node:path";

/** Answers of the original servers. They stand beside the repository, not in it; SEMPRE_RECORDINGS names another folder. */
const FOLDER = process.env.SEMPRE_RECORDINGS ?? join(import.meta.dirname, "../../../shared/golden");

/** The path of a recording, or null where it is not there. */
export function recording(name: string): string | null {
  const path = join(FOLDER, name);
  return existsSync(path) ? path : null;
}
