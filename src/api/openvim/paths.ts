import type { Path } from "../../model/path.ts";
import type { Wire } from "../query.ts";
import type { Call } from "./call.ts";

// Ours: whether packets were seen on the ways that binds lead, of all nets that are bound; and how the VIM itself is.

export const listPaths = (call: Call) => ({ paths: call.doors.paths.list().map(pathOut) });

const pathOut = (p: Path): Wire => ({
  net: p.netId,
  bind_net: p.bindNet,
  state: p.state,
  how: p.how,
  why: p.why,
  at_mono_ms: p.at,
});

export function getCondition(call: Call) {
  const { switch: session, store, suspended } = call.doors.condition.now();
  return {
    condition: {
      switch: session && {
        datapath: session.datapath,
        connected: session.isConnected,
        why: session.why,
        stand_ins: session.standIns,
      },
      store: { writable: store.isWritable, why: store.why },
      suspended,
    },
  };
}
