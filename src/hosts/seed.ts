import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runBehind } from "./background.ts";

/** What cloud-init looks for (NoCloud data source: "a filesystem with the volume label cidata"). */
const LABEL = "cidata";

/** Writes a disk that cloud-init reads at the first boot: ISO 9660 with long names. Throws MISSING_PART where there is no xorriso. */
export async function makeSeed(to: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const dir = await mkdtemp(join(dirname(to), "seed-"));
  try {
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text, { mode: 0o600 });
    await runBehind("xorriso", ["-as", "mkisofs", "-quiet", "-volid", LABEL, "-joliet", "-rational-rock", "-output", to, dir]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
