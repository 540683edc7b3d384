import { Fault } from "../lib/fault.ts";

/** Why the VIM refuses, null where it does not. It keeps nobody else waiting, and the next pass asks again. */
export async function refusal(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (e) {
    if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
    return e.message;
  }
}
