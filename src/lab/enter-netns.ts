import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { Fault } from "../lib/fault.ts";

/** setns(2): the kind of namespace is a network namespace. */
const CLONE_NEWNET = 0x40000000;

/**
 * Moves this process's main thread into a network namespace: sockets it opens and processes it starts from now on are there, so the
 * lab's daemons and the lab itself share one loopback that is nobody else's. Files stay what they were.
 */
export function enterNetns(name: string): void {
  const setns = koffi.load("libc.so.6").func("setns", "int", ["int", "int"]);
  const fd = openSync(`/run/netns/${name}`, "r");
  try {
    if (setns(fd, CLONE_NEWNET) !== 0)
      throw new Fault("MISSING_PART", `this process may not enter network namespace ${name}: run it as root`);
  } finally {
    closeSync(fd);
  }
}
