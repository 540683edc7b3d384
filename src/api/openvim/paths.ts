import type { Path } from "../../model/path.ts";
import type { Call } from "./call.ts";
import type { Wire } from "./query.ts";

// Ours: whether packets were seen on the ways that binds lead. Of all nets that are bound.

export const listPaths = (call: Call) => ({ paths: call.doors.paths.list().map(pathOut) });

const pathOut = (p: Path): Wire => ({
  net: p.netId,
  bind_net: p.bindNet,
  state: p.state,
  how: p.how,
  why: p.why,
  at_mono_ms: p.at,
});
