import { expect, test } from "vitest";
import { whyItCannotFire } from "../../src/mano/can-fire.ts";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import type { Path } from "../../src/model/path.ts";

const UP = { state: "up", sinceMs: 0 };
const serving = (over: object = {}) => ({
  vnfcId: "a",
  name: "relay-a",
  canFailOver: true,
  isArmed: true,
  wakes: false,
  words: ["would go to b"],
  ...over,
});
/** Two members that are up, each serving a net that is armed. */
const group = (over: object = {}): ProtectionGroupView =>
  ({
    isProtected: true,
    members: [
      { vnfcId: "a", name: "relay-a", health: UP },
      { vnfcId: "b", name: "relay-b", health: UP },
    ],
    trafficNets: [{ netId: "t0", name: "traffic_net0", servedBy: "a" }],
    armed: { revision: 1, isCurrent: true, why: null },
    readiness: [serving()],
    spares: [],
    ...over,
  }) as unknown as ProtectionGroupView;
const path = (state: Path["state"]): Path =>
  ({ netId: "t0", bindNet: "d0", state, how: null, why: "nothing came back", at: 1 }) as unknown as Path;
const armed = { isToBeArmed: true };
const down = { state: "down", sinceMs: 0, seenBy: [], why: "its process ended" };
const resting = { vnfcId: "b", name: "relay-b", isWarm: true, words: "" };

test.for([
  ["all is well", group(), { ...armed, paths: [path("verified")] }, []],
  ["nobody can tell whether packets pass", group(), { ...armed, paths: [path("unseen")] }, []],
  ["its VIM does not look", group(), armed, []],
  ["it was not seen yet", group({ isProtected: false }), armed, [/not been seen/]],
  [
    "a member is down",
    group({ members: [{ vnfcId: "b", name: "relay-b", health: down }] }),
    armed,
    [/relay-b is down: its process ended/],
  ],
  [
    "a spare rests",
    group({ members: [{ vnfcId: "b", name: "relay-b", health: { ...down, state: "unknown" } }], spares: [resting] }),
    armed,
    [],
  ],
  [
    "a spare is not warm",
    group({ spares: [{ ...resting, isWarm: false, words: "it boots" }] }),
    armed,
    [/spare relay-b is not warm: it boots/],
  ],
  [
    "nobody serves",
    group({ trafficNets: [{ netId: "t0", name: "traffic_net0", servedBy: null }] }),
    armed,
    [/nobody serves traffic_net0/],
  ],
  ["nobody looked at the way", group(), { ...armed, paths: [null] }, [/was not looked at yet/]],
  [
    "nothing can pass yet",
    group(),
    { ...armed, paths: [{ ...path("pending"), why: "no user of traffic_net0 has a port in the switch" }] },
    [/not seen to lead yet: no user of traffic_net0 has a port in the switch/],
  ],
  [
    "BFD does not protect a link yet",
    group(),
    {
      ...armed,
      paths: [path("verified")],
      slowLinks: ["the link of port uplink is not yet protected by its BFD: up on slow timers"],
    },
    [/uplink is not yet protected by its BFD: up on slow timers/],
  ],
  ["the way leads nowhere", group(), { ...armed, paths: [path("unverified")] }, [/leads nowhere: nothing came back/]],
  [
    "nobody has room",
    group({ readiness: [serving({ canFailOver: false, isArmed: false, words: ["nobody has room"] })] }),
    armed,
    [/nobody has room/],
  ],
  ["a spare would be woken", group({ readiness: [serving({ canFailOver: false, isArmed: false, wakes: true })] }), armed, []],
  ["it is not armed", group({ readiness: [serving({ isArmed: false })] }), armed, [/failover of relay-a is not armed/]],
  ["an older plan lies in the VIM", group({ armed: { revision: 1, isCurrent: false, why: null } }), armed, [/older plan/]],
  ["nothing is armed where polling leads", group({ readiness: [serving({ isArmed: false })] }), { isToBeArmed: false }, []],
] as const)("%s", ([, view, world, because]) => {
  expect(whyItCannotFire(view, world)).toEqual(because.map((b) => expect.stringMatching(b)));
});
