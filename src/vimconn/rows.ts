const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** More than this around the rows of a list is not our answer. */
const AROUND_BYTES_MAX = 1_000_000;
/** How many objects and lists the list of rows, and a row, lies in. */
const [OF_LIST, OF_ROW] = [2, 3];

/**
 * Cuts the answer to a question for a list, `{"ports": [{…}, {…}]}`, into its rows while it comes in: bytes in, rows out, no I/O, so that every split can be
 * tested. What stands around the rows is kept: `end` reads it. Throws SyntaxError for what is not JSON, or no list of objects.
 */
export class RowCutter {
  readonly #key: string;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #isInList = false;
  /** Of a row that is not complete. */
  #held: Uint8Array[] = [];
  #around: Uint8Array[] = [];
  #aroundBytes = 0;

  /** `key`: the member that has the rows. */
  constructor(key: string) {
    this.#key = key;
  }

  /** The rows that it completes. */
  push(chunk: Uint8Array): unknown[] {
    let from = this.#isInRow ? 0 : -1; // Where the first row begins; -1: none has yet.
    let last = 0; // Where the last one begins.
    let to = -1; // Where the last one that is complete ends.
    let kept = this.#isInList ? -1 : 0; // Where what is around the rows begins; -1: we are among them.
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.#isInText) {
        this.#readText(byte);
        continue;
      }
      if (byte === QUOTE) this.#isInText = true;
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        this.#depth++;
        if (this.#isInList && this.#depth === OF_ROW) {
          last = at;
          if (from < 0) from = at;
        } else if (kept >= 0 && byte === OPEN_LIST && this.#depth === OF_LIST) {
          this.#keep(chunk.subarray(kept, at + 1));
          this.#isInList = this.#isListOfRows();
          kept = this.#isInList ? -1 : at + 1;
        }
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        this.#depth--;
        if (this.#isInList && this.#depth === OF_LIST) to = at + 1;
        if (this.#isInList && this.#depth < OF_LIST) {
          this.#isInList = false;
          kept = at;
        }
      }
      if (this.#isInList && this.#depth === OF_LIST && !isBetweenRows(byte)) throw new SyntaxError("a row that is no object");
    }
    if (kept >= 0) this.#keep(chunk.subarray(kept));
    const rows = to < 0 ? [] : rowsIn([...this.#held.splice(0), chunk.subarray(from, to)]);
    if (this.#isInRow) this.#held.push(chunk.slice(last));
    return rows;
  }

  /** What is around the rows; `isList`: they were there. */
  end(): { readonly isList: boolean; readonly body: unknown } {
    const body: unknown = JSON.parse(textOf(this.#around));
    const isList = typeof body === "object" && body !== null && Object.hasOwn(body, this.#key);
    return { isList: isList && Array.isArray((body as Readonly<Record<string, unknown>>)[this.#key]), body };
  }

  get #isInRow(): boolean {
    return this.#isInList && this.#depth >= OF_ROW;
  }

  #readText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === BACKSLASH) this.#isEscaped = true;
    else if (byte === QUOTE) this.#isInText = false;
  }

  #keep(bytes: Uint8Array): void {
    this.#aroundBytes += bytes.length;
    if (this.#aroundBytes > AROUND_BYTES_MAX) throw new SyntaxError(`more than ${AROUND_BYTES_MAX} bytes around the rows`);
    this.#around.push(bytes.slice());
  }

  /** A list that begins here is that of the rows. */
  #isListOfRows(): boolean {
    return new RegExp(`[{,\\s]"${this.#key}"\\s*:\\s*\\[$`).test(textOf(this.#around));
  }
}

/** The brackets: of the list, when it has just begun, and of a row that has just ended. */
const isBetweenRows = (byte: number): boolean =>
  byte === COMMA || byte === OPEN_LIST || byte === CLOSE_OBJECT || SPACES.has(byte);

const textOf = (parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString();
const rowsIn = (parts: readonly Uint8Array[]): unknown[] => JSON.parse(`[${textOf(parts)}]`) as unknown[];
