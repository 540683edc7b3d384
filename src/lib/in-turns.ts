/** Members of a long list that are worked on without a turn of the event loop in between: a few ms of work. */
const AT_ONCE = 10;

/** The members of a list, with a turn of the event loop for everybody else now and then: evidence is not kept waiting by a thousand of anything. */
export async function* inTurns<T>(all: readonly T[]): AsyncGenerator<T> {
  for (const [i, one] of all.entries()) {
    if (i > 0 && i % AT_ONCE === 0) await new Promise((go) => setImmediate(go));
    yield one;
  }
}
