/** A switch as its controller sees it: what OpenFlow 1.0 or 1.3 does with a flow-mod or a group-mod, and nothing of what any controller makes of it. */

export interface Match {
  readonly inPort?: number;
  /** As on the wire of 1.3: with the bit 0x1000 where a tag has to be there, 0 for none. */
  readonly vid?: number;
  /** With a mask behind a slash, where there is one. */
  readonly ethDst?: string;
  /** Fields that the tests look at no further. */
  readonly other?: string;
}

export type Action =
  | { readonly out: number }
  | { readonly group: number }
  | { readonly setVid: number }
  | { readonly push: number }
  | { readonly pop: true };

export interface Row {
  readonly priority: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly cookie: bigint;
}

export interface GroupRow {
  readonly id: number;
  readonly type: "all" | "indirect" | "fast_failover" | "select";
  readonly buckets: readonly { readonly watchPort: number; readonly watchGroup: number; readonly actions: readonly Action[] }[];
}

export interface PortRow {
  readonly no: number;
  readonly name: string;
  readonly mac: string;
  readonly down: boolean;
}

export const ANY = 0xffffffff;
export const IN_PORT = 0xfffffff8;
export const keyOf = (r: Pick<Row, "priority" | "match">): string =>
  JSON.stringify([r.priority, r.match.inPort, r.match.vid, r.match.ethDst, r.match.other]);

export class SwitchTable {
  readonly version: "1.0" | "1.3";
  readonly rows = new Map<string, Row>();
  readonly groups = new Map<number, GroupRow>();
  readonly ports = new Map<number, PortRow>();
  /** Every change in its order, as `+key`, `~key`, `-key`, and for groups `+g5`. */
  readonly history: string[] = [];
  /** OFPT_ERRORs that went to the controller, which commonly tells nobody. */
  readonly errors: string[] = [];

  constructor(version: "1.0" | "1.3", names: readonly string[]) {
    this.version = version;
    for (const [i, name] of names.entries()) this.setPort({ no: i + 1, name, mac: `02:00:00:00:00:0${i + 1}`, down: false });
  }

  setPort(port: PortRow): void {
    this.ports.set(port.no, port);
  }

  add(row: Row): void {
    if (!this.#isPossible(row.actions)) return;
    const key = keyOf(row);
    this.history.push(`${this.rows.has(key) ? "~" : "+"}${key}`);
    this.rows.set(key, row);
  }

  /** 1.0 adds what is not there (4.6), 1.3 does not (6.4). */
  modifyStrict(row: Row): void {
    if (this.rows.has(keyOf(row)) || this.version === "1.0") this.add(row);
  }

  deleteStrict(row: Pick<Row, "priority" | "match">): void {
    if (this.rows.delete(keyOf(row))) this.history.push(`-${keyOf(row)}`);
  }

  addGroup(group: GroupRow): void {
    if (this.groups.has(group.id)) this.errors.push("GROUP_MOD_FAILED/GROUP_EXISTS");
    else this.#putGroup(group, "+");
  }

  modifyGroup(group: GroupRow): void {
    if (!this.groups.has(group.id)) this.errors.push("GROUP_MOD_FAILED/UNKNOWN_GROUP");
    else this.#putGroup(group, "~");
  }

  /** Flow entries that lead to it go with it (1.3, 6.7). */
  deleteGroup(id: number): void {
    if (!this.groups.delete(id)) return;
    this.history.push(`-g${id}`);
    for (const row of [...this.rows.values()])
      if (row.actions.some((a) => "group" in a && a.group === id)) this.deleteStrict(row);
  }

  wipe(): void {
    this.rows.clear();
    this.groups.clear();
    this.history.push("wiped");
  }

  #putGroup(group: GroupRow, sign: string): void {
    const isFailover = group.type === "fast_failover";
    // As Open vSwitch: what is watched is looked at in fast failover only, and said nowhere else.
    const isWatchWrong = group.buckets.some((b) => !isFailover && (b.watchPort !== ANY || b.watchGroup !== ANY));
    if (isWatchWrong) this.errors.push("GROUP_MOD_FAILED/WATCH_UNSUPPORTED");
    else if (group.type === "indirect" && group.buckets.length !== 1) this.errors.push("GROUP_MOD_FAILED/INVALID_GROUP");
    else if (group.buckets.every((b) => this.#isPossible(b.actions))) {
      this.history.push(`${sign}g${group.id}`);
      this.groups.set(group.id, group);
    }
  }

  #isPossible(actions: readonly Action[]): boolean {
    for (const a of actions) {
      const error = this.#errorOf(a);
      if (error === null) continue;
      this.errors.push(error);
      return false;
    }
    return true;
  }

  #errorOf(a: Action): string | null {
    if ("group" in a && !this.groups.has(a.group)) return "BAD_ACTION/BAD_OUT_GROUP";
    if ("out" in a && a.out !== IN_PORT && a.out < 0xffffff00 && !this.ports.has(a.out)) return "BAD_ACTION/BAD_OUT_PORT";
    return null;
  }
}
