import type { DatapathId } from "./ids.ts";

// A link port says by name where it is in a switch. A bare name is a port of the VIM's own switch; `NAME@DATAPATH` is one of a switch
// behind somebody else's controller. No port of an OpenFlow switch can be called so: names have 15 characters at most (7.2.1).

const ELSEWHERE = /^(.+)@([0-9a-f]{16})$/;

export const portElsewhere = (name: string, datapath: DatapathId): string => `${name}@${datapath}`;

/** Null: the VIM's own switch. */
export const datapathOf = (switchPort: string): DatapathId | null =>
  (ELSEWHERE.exec(switchPort)?.[2] as DatapathId | undefined) ?? null;

/** As the switch itself calls it. */
export const bareName = (switchPort: string): string => ELSEWHERE.exec(switchPort)?.[1] ?? switchPort;

/** A datapath as people write it, such as `00:00:00:00:00:00:00:01`, leading zeros left out or not; null where it is none. */
export function datapathIn(text: string): DatapathId | null {
  const digits = text
    .replace(/^(0x|of:|openflow:)/i, "")
    .replaceAll(":", "")
    .toLowerCase();
  return /^[0-9a-f]{1,16}$/.test(digits) ? (digits.padStart(16, "0") as DatapathId) : null;
}
