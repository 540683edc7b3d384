import type { ServerUsage } from "../../model/server-usage.ts";
import type { Wire } from "../query.ts";
import type { Call } from "./call.ts";

// Ours: what servers have taken of their compute hosts, as those count it.

export const listUsage = async (call: Call) => ({ usage: (await call.doors.usages.list()).map(usageOut) });

const usageOut = (u: ServerUsage): Wire => ({
  server_id: u.serverId,
  name: u.name,
  run: u.run,
  read_mono_ms: u.readMs,
  cpu_ms: u.cpuMs,
  vcpus: u.vcpus,
  memory_mib: u.memoryMiB,
  resident_mib: u.residentMiB,
});
