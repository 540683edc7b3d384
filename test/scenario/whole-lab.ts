import { join } from "node:path";
import { ensureGuestImage } from "../../src/lab/image.ts";
import { type LabOptions, type RunningLab, startLab } from "../../src/lab/lab.ts";
import { LAB_FOLDER, removeLeftovers } from "../../src/lab/leftovers.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * The whole lab of the demo, for a test. Its processes end with this one, which ends where the tests are interrupted: nobody hears any more how it goes on. What
 * else such a lab has left (namespaces, a folder) goes before the next one. `name`: of the folder of this run.
 */
export async function wholeLab(name: string, options: Pick<LabOptions, "scheme" | "descriptor">): Promise<RunningLab> {
  await removeLeftovers(join(ROOT, LAB_FOLDER));
  process.once("disconnect", () => process.exit(1));
  return startLab({
    root: ROOT,
    runFolder: join(ROOT, "var", "test", `${name}-${process.pid}`),
    image: await ensureGuestImage(join(ROOT, ".cache", "guest")),
    openflow: "1.3",
    mode: "push",
    pollIntervalMs: 1000,
    pps: 250,
    video: false,
    progress: () => {},
    ...options,
  });
}
