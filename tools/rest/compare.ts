import { isUuid, type Tokens, uuidsIn } from "./tokens.ts";

/** One place where the two answers differ. */
export interface Difference {
  /** Such as `servers.0.status`. */
  readonly at: string;
  readonly what: string;
  /** Why it is on purpose; null: it is not. */
  readonly decision: string | null;
}

export interface Surroundings {
  readonly tokens: Tokens;
  /** All texts the client has asked for until now: they are no choice of the server. */
  readonly asked: ReadonlySet<string>;
  /** Rows of what was there before the first exchange, or of what no exchange of the recording makes: they count on neither side. */
  readonly isForeign: (row: unknown) => boolean;
}

type Row = Record<string, unknown>;
const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value);

/** Shown by ours beside what the original shows (decision 0047): clients of the original pass over members they do not know. */
const BESIDE = new Set([
  ...["state", "state_why", "availability_zone", "memory_mb", "cpus", "metadata"],
  ...["host_state", "anti_affinity", "kernel_cmdline", "fenced", "opinions", "stale", "bfd", "copy_net", "model"],
]);

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/;
/** Values that two servers cannot agree on, and what each must look like. */
const LOOKS: Readonly<Record<string, (v: unknown) => boolean>> = {
  created: (v) => typeof v === "string" && TIME.test(v),
  updated: (v) => v === null || (typeof v === "string" && TIME.test(v)),
  created_at: (v) => (typeof v === "string" && TIME.test(v)) || typeof v === "number",
  modified_at: (v) => (typeof v === "string" && TIME.test(v)) || typeof v === "number",
  progress: (v) => typeof v === "number",
};

/** Chosen by the server unless the client named it: generated addresses, and where a placement put something. */
const CHOSEN = new Set(["mac_address", "ip_address", "hostId", "source", "binding:switch_port", "vim_info"]);
/** Lists of threads of a placement: as many, wherever they are. */
const CHOSEN_LISTS = /-source$/;

/** All differences. What ours chose in the place of what the original chose is learned, unless `learns` is false. */
export function compare(recorded: unknown, ours: unknown, around: Surroundings, learns = true, at = ""): Difference[] {
  const key = at.split(".").at(-1)!;
  const differs = (what: string, decision: string | null = null): Difference[] => [{ at: at || "the whole", what, decision }];
  if (key in LOOKS && typeof recorded !== "boolean")
    return LOOKS[key]!(ours) ? [] : differs(`want something like ${show(recorded)}, got ${show(ours)}`);
  if (Array.isArray(recorded)) {
    if (!Array.isArray(ours)) return differs(`want a list, got ${show(ours)}`);
    if (CHOSEN_LISTS.test(key))
      return recorded.length === ours.length ? [] : differs(`want ${recorded.length} of them, got ${ours.length}`);
    return recorded.some(isRow) || ours.some(isRow)
      ? rows(recorded, ours, around, learns, at)
      : list(recorded, ours, around, learns, at);
  }
  if (isRow(recorded))
    return isRow(ours) ? members(recorded, ours, around, learns, at) : differs(`want an object, got ${show(ours)}`);
  if (typeof recorded === "string" && typeof ours === "string") return texts(recorded, ours, around, learns, at);
  if (recorded === ours) return [];
  if (typeof ours === "boolean" && recorded === String(ours))
    return differs("a boolean, where the original writes it as text", "0047 (B1)");
  return differs(`want ${show(recorded)}, got ${show(ours)}`);
}

function members(recorded: Row, ours: Row, around: Surroundings, learns: boolean, at: string): Difference[] {
  const below = (key: string) => (at === "" ? key : `${at}.${key}`);
  const own = (key: string) => around.tokens.text(key); // A key may be an id.
  const wanted = new Set(Object.keys(recorded).map(own));
  const missing = Object.keys(recorded).filter((k) => !(own(k) in ours));
  const more = Object.keys(ours).filter((k) => !wanted.has(k) && !BESIDE.has(k));
  return [
    ...missing.map((k) => ({ at: below(k), what: `want ${show(recorded[k])}, but it is not there`, decision: null })),
    ...more.map((k) => ({ at: below(k), what: `only ours has it: ${show(ours[k])}`, decision: null })),
    ...Object.keys(recorded).flatMap((k) => (own(k) in ours ? compare(recorded[k], ours[own(k)], around, learns, below(k)) : [])),
  ];
}

const list = (
  recorded: readonly unknown[],
  ours: readonly unknown[],
  around: Surroundings,
  learns: boolean,
  at: string,
): Difference[] =>
  recorded.length === ours.length
    ? recorded.flatMap((r, i) => compare(r, ours[i], around, learns, `${at}.${i}`))
    : [{ at, what: `want ${show(recorded)}, got ${show(ours)}`, decision: null }];

export const idOf = (row: unknown): string | null => {
  const { id, uuid } = (row ?? {}) as { id?: unknown; uuid?: unknown };
  return isUuid(id) ? id : isUuid(uuid) ? uuid : null;
};

/** Lists of rows have no order: each recorded row is paired with the one of ours that differs least from it. */
function rows(
  recorded: readonly unknown[],
  ours: readonly unknown[],
  around: Surroundings,
  learns: boolean,
  at: string,
): Difference[] {
  const free = new Set(ours);
  const found: Difference[] = [];
  const unpaired: unknown[] = [];
  for (const [i, row] of recorded.entries()) {
    const best = closest(row, free, around);
    if (best === undefined) {
      unpaired.push(row);
      continue;
    }
    free.delete(best);
    found.push(...compare(row, best, around, learns, `${at}.${i}`));
  }
  const lost = unpaired.filter((row) => !around.isForeign(row));
  const more = [...free].filter((row) => !around.isForeign(row));
  return [
    ...found,
    ...lost.map((row) => ({ at, what: `ours lacks the row ${show(row)}`, decision: null })),
    ...more.map((row) => ({ at, what: `only ours has the row ${show(row)}`, decision: null })),
  ];
}

function closest(row: unknown, free: ReadonlySet<unknown>, around: Surroundings): unknown {
  const id = idOf(row);
  if (id !== null && around.tokens.knows(id)) return [...free].find((o) => idOf(o) === around.tokens.text(id));
  const name = (row as Row | null)?.name;
  const candidates = [...free].filter(
    (o) => !isRow(row) || typeof name !== "string" || sameName(name, (o as Row | null)?.name, around),
  );
  const ranked = candidates.map((o) => [compare(row, o, around, false).length, o] as const).sort((a, b) => a[0] - b[0]);
  return ranked[0]?.[1];
}

/** Entries of a net are named after it with a number that nobody promises. */
const NUMBERED = /^([0-9a-f-]{36})\.\d+$/i;
const sameName = (recorded: string, ours: unknown, { tokens }: Surroundings): boolean =>
  ours === tokens.text(recorded) || (NUMBERED.test(recorded) && NUMBERED.test(String(ours)));

function texts(recorded: string, ours: string, around: Surroundings, learns: boolean, at: string): Difference[] {
  const key = at.split(".").at(-1)!;
  const { tokens, asked } = around;
  const expected = tokens.text(recorded);
  const differs = (): Difference[] => [{ at, what: `want ${show(expected)}, got ${show(ours)}`, decision: null }];
  if (expected === ours) return [];
  if (withoutMoments(expected) === withoutMoments(ours)) return [];
  if (key === "href") return pathOf(expected) === pathOf(ours) ? [] : differs();
  if (key === "checksum") return /^[0-9a-f]{32}$/.test(ours) ? [] : differs();
  if (key === "password" && ours === "*****") return [{ at, what: "ours shows no password", decision: "0047 (S1)" }];
  if (NUMBERED.test(recorded)) return expected.slice(0, 36) === ours.slice(0, 36) && NUMBERED.test(ours) ? [] : differs();
  if (!isUuid(recorded) && isSameButIds(recorded, ours, around, learns)) return [];
  const isChoice = (isUuid(recorded) && isUuid(ours)) || CHOSEN.has(key);
  if (!isChoice || tokens.knows(recorded) || asked.has(recorded))
    return isChoice && key === "hostId" && isUuid(ours) ? [] : differs();
  if (learns) tokens.learn(recorded, ours);
  return [];
}

/** A text with ids in it, such as the path of an image, that stand there before any answer has named them by themselves. */
function isSameButIds(recorded: string, ours: string, { tokens, asked }: Surroundings, learns: boolean): boolean {
  const [theirIds, ourIds] = [uuidsIn(recorded), uuidsIn(ours)];
  const rest = (text: string, ids: readonly string[]) => ids.reduce((left, id) => left.replace(id, "*"), text);
  if (theirIds.length === 0 || rest(recorded, theirIds) !== rest(ours, ourIds)) return false;
  const isSame = theirIds.every((id, i) => (tokens.knows(id) ? tokens.text(id) === ourIds[i] : !asked.has(id)));
  if (isSame && learns) for (const [i, id] of theirIds.entries()) tokens.learn(id, ourIds[i]!);
  return isSame;
}

/** OpenMANO names an action by the moment at which it began. */
const withoutMoments = (text: string) => text.replaceAll(/ACTION-\d+\.\d+/g, "ACTION");

/** The two servers have other addresses, and listen below other paths. */
const pathOf = (href: string) => href.replace(/^https?:\/\/[^/]+/, "");

const SHOWN = 300;
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}
