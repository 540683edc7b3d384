import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import koffi from "koffi";

/** setns(2): the kind of namespace is a network namespace. */
const CLONE_NEWNET = 0x40000000;

const loadSetns = () => koffi.load("libc.so.6").func("setns", "int", ["int", "int"]);
let setns: ReturnType<typeof loadSetns> | undefined;

/** What a call into libc gave; an Error naming the call and its errno (`code`) where it failed. */
export function checked(result: number, call: string): number {
  if (result >= 0) return result;
  const errno = koffi.errno();
  const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  throw Object.assign(new Error(`${call}: ${name ?? errno}`), { code: name });
}

/**
 * Does something short in another network namespace and comes back: what it opens stays there. `paths`: of the namespace; the first that can
 * be opened counts. Nothing else runs on this thread meanwhile, so `work` must not wait.
 */
export function inNetns<T>(paths: readonly string[], work: () => T): T {
  setns ??= loadSetns();
  const other = openFirst(paths); // Commonly what fails, again and again: nothing else is open yet.
  try {
    const own = openSync("/proc/self/ns/net", "r");
    try {
      checked(setns(other, CLONE_NEWNET), "setns");
      return work();
    } finally {
      checked(setns(own, CLONE_NEWNET), "setns");
      closeSync(own);
    }
  } finally {
    closeSync(other);
  }
}

function openFirst(paths: readonly string[]): number {
  const [path, ...others] = paths;
  try {
    return openSync(path!, "r");
  } catch (e) {
    if (others.length === 0) throw e;
    return openFirst(others);
  }
}
