import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isNetns, netnsName } from "../../src/hosts/net-cable.ts";
import { ip } from "./far-end.ts";

/**
 * Ends DHCP servers and routers of networks of a VIM that has ended and has its store in this folder: what a test that failed has not come to delete. The folder must still
 * be there.
 */
export async function removeAppliances(dir: string): Promise<void> {
  for (const [kind, folder] of [
    ["dhcp", join(dir, "dhcp")],
    ["router", join(dir, "routers")],
  ] as const)
    for (const key of existsSync(folder) ? readdirSync(folder) : []) {
      const name = netnsName(kind, folder, key);
      if (!isNetns(name)) continue;
      for (const pid of (await ip("netns", "pids", name)).split("\n").filter(Boolean)) end(Number(pid));
      await ip("netns", "del", name);
    }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {} // It has ended meanwhile.
}
