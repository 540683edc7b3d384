import { parseDocument } from "yaml";

/** What an experiment may want otherwise than the example has it. */
export interface Tuning {
  /** Time between two in-band requests to a member, ms. */
  readonly probeIntervalMs?: number | undefined;
  readonly waitToRestoreMs?: number | undefined;
}

const PROTECTION = ["vnfd", 0, "vdu", 0, "protection"];

/** The descriptor (YAML) with these values in the protection of its first VDU; nothing else in it changes. */
export function tuned(descriptor: string, { probeIntervalMs, waitToRestoreMs }: Tuning): string {
  if (probeIntervalMs === undefined && waitToRestoreMs === undefined) return descriptor;
  const yaml = parseDocument(descriptor);
  if (probeIntervalMs !== undefined) yaml.setIn([...PROTECTION, "probe", "interval"], probeIntervalMs);
  if (waitToRestoreMs !== undefined) yaml.setIn([...PROTECTION, "wait_to_restore_ms"], waitToRestoreMs);
  return yaml.toString();
}
