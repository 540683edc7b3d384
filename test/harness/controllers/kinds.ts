import type { Clock } from "../../../src/lib/clock.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silent } from "../../../src/lib/log.ts";
import type { DatapathId } from "../../../src/model/ids.ts";
import type { ControllerKind } from "../../../src/model/sdn-controller.ts";
import type { SwitchEvent } from "../../../src/model/switch.ts";
import { Controller } from "../../../src/switch/controller.ts";
import { Floodlight1x, Floodlight09 } from "./floodlight.ts";
import { OnosStandIn } from "./onos.ts";
import { OpenDaylightStandIn } from "./opendaylight.ts";
import type { StandIn } from "./stand-in.ts";

export const DATAPATH = "0000000000000001" as DatapathId;

export interface Kind {
  readonly name: string;
  readonly kind: ControllerKind;
  readonly make: (ports: readonly string[]) => StandIn;
  readonly hasGroups: boolean;
  /** A restart of it empties the switch; else what stands there stays and is nobody's. */
  readonly wipes: boolean;
}

export const KINDS: readonly Kind[] = [
  { name: "Floodlight 0.9", kind: "floodlight", make: (p) => new Floodlight09(p), hasGroups: false, wipes: true },
  { name: "Floodlight 1.x", kind: "floodlight", make: (p) => new Floodlight1x(p), hasGroups: true, wipes: true },
  {
    name: "Floodlight 1.x, a switch of OpenFlow 1.0",
    kind: "floodlight",
    make: (p) => new Floodlight1x(p, "1.0"),
    hasGroups: false,
    wipes: true,
  },
  { name: "ONOS", kind: "onos", make: (p) => new OnosStandIn(p), hasGroups: true, wipes: true },
  {
    name: "OpenDaylight, bierman02",
    kind: "opendaylight",
    make: (p) => new OpenDaylightStandIn(p, "bierman02"),
    hasGroups: true,
    wipes: false,
  },
  {
    name: "OpenDaylight, rfc8040",
    kind: "opendaylight",
    make: (p) => new OpenDaylightStandIn(p, "rfc8040"),
    hasGroups: true,
    wipes: false,
  },
];

/** Waits that a controller is given pass this much faster. */
const HASTE = 40;
export const hastyClock: Clock = {
  now: () => systemClock.now() * HASTE,
  wall: () => systemClock.wall(),
  sleep: (ms, signal) => systemClock.sleep(ms / HASTE, signal),
};

export interface Connected extends AsyncDisposable {
  readonly standIn: StandIn;
  readonly controller: Controller;
  readonly events: SwitchEvent[];
}

/** A stand-in of the kind and a connector that has looked at it once. */
export async function connect({ kind, make }: Kind, ports: readonly string[], clock: Clock = hastyClock): Promise<Connected> {
  const standIn = await make(ports).listen();
  const events: SwitchEvent[] = [];
  const { user, password } = standIn.login ?? { user: null, password: "" };
  const controller = new Controller({
    name: "c1",
    kind,
    version: null,
    url: `http://127.0.0.1:${standIn.port}`,
    user,
    password: () => password,
    datapath: DATAPATH,
    clock,
    log: silent,
    tell: (e) => events.push(e),
  });
  await controller.look();
  return { standIn, controller, events, [Symbol.asyncDispose]: () => standIn[Symbol.asyncDispose]() };
}
