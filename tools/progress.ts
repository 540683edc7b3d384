const EVERY_MS = 200;

/** Tells on a terminal's error output how far a run is; silent where nobody looks, so that a pipe holds only the report. */
export function progressOn(stream: NodeJS.WriteStream, what: string, total: number): (done: number) => void {
  if (!stream.isTTY) return () => {};
  let at = 0;
  return (done) => {
    const now = Date.now();
    if (done < total && now - at < EVERY_MS) return;
    at = now;
    stream.write(`\r${what}: ${done} of ${total}${done === total ? "\n" : ""}`);
  };
}
