/** More text than this without the end of an event is no event stream. */
const EVENT_CHARS_MAX = 1_000_000;

/**
 * Cuts a `text/event-stream` (WHATWG HTML 9.2.6) into the data of its events. Text in, data out, no I/O: every split of a
 * stream can be tested. Comments, ids and names are skipped, since our data carries its own number. Throws RangeError
 * when an event does not end.
 */
export class SseCutter {
  #held = "";

  push(chunk: string): string[] {
    this.#held += chunk;
    const data: string[] = [];
    let from = 0;
    for (let end = this.#held.indexOf("\n\n"); end >= 0; end = this.#held.indexOf("\n\n", from)) {
      const text = dataOf(this.#held.slice(from, end));
      if (text !== "") data.push(text);
      from = end + 2;
    }
    this.#held = this.#held.slice(from);
    if (this.#held.length > EVENT_CHARS_MAX) throw new RangeError(`an event of more than ${EVENT_CHARS_MAX} characters`);
    return data;
  }
}

function dataOf(block: string): string {
  const lines: string[] = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) lines.push(line.slice(line[5] === " " ? 6 : 5));
  }
  return lines.join("\n");
}
