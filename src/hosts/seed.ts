import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Fault } from "../lib/fault.ts";
import { runBehind } from "./background.ts";

/** What cloud-init looks for (NoCloud data source: "a filesystem with the volume label cidata"). */
const LABEL = "cidata";

/** xorriso 1.5.4 was seen to crash (SIGSEGV) where it did not the next time. */
const TRIES = 3;

/** Writes a disk that cloud-init reads at the first boot: ISO 9660 with long names. Throws MISSING_PART where there is no xorriso. */
export async function makeSeed(to: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const dir = await mkdtemp(join(dirname(to), "seed-"));
  try {
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text, { mode: 0o600 });
    await tried(to, ["-as", "mkisofs", "-quiet", "-volid", LABEL, "-joliet", "-rational-rock", "-output", to, dir]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function tried(to: string, args: readonly string[], left = TRIES): Promise<void> {
  try {
    await runBehind("xorriso", args);
  } catch (e) {
    if (!(e instanceof Fault && e.code === "COMMAND_FAILED") || left === 1) throw e;
    await rm(to, { force: true });
    await tried(to, args, left - 1);
  }
}
