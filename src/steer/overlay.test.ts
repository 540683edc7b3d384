import fc from "fast-check";
import { expect, test } from "vitest";
import { framesInto, SWITCH_PORTS, shouldLeave, worlds } from "../../test/harness/fabric-rule.ts";
import { net, port, walk } from "../../test/harness/table.ts";
import type { FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import { ABILITIES } from "../model/switch.ts";
import { flowChanges } from "./changes.ts";
import { armedByHostAlone, type Bridges, onBridge } from "./overlay.ts";
import { standInsOf } from "./stand-ins.ts";
import { wantedTable } from "./wanted.ts";

const RUNS = Number(process.env.FABRIC_RUNS ?? 100);
const NAMES = ["A", "B", "C"];

/** `at`: the bridge of each port; a port's number is its place in the list. */
const spread = (ports: readonly string[], at: readonly string[]): Bridges<string> => ({
  bridgeOf: (name) => at[ports.indexOf(name)] ?? null,
  numberOf: (name) => (ports.includes(name) ? ports.indexOf(name) + 1 : null),
  tunnel: (from, to) => (from === to ? null : `${from}>${to}`),
});

/** Where a frame leaves: on the bridge it enters, and by the key of a tunnel on another. */
function leaves(
  tables: ReadonlyMap<string, FlowTable>,
  bridges: Bridges<string>,
  ports: readonly string[],
  frame: Parameters<typeof walk>[1],
  dead: readonly string[] = [],
) {
  const here = bridges.bridgeOf(frame.inPort)!;
  return walk(tables.get(here)!, frame, dead).map((exit) => {
    const [, far] = exit.port.split(">");
    const out = far === undefined ? exit.port : ports[exit.key! - 1]!;
    expect(bridges.bridgeOf(out), `${exit.port} of ${here}`).toBe(far ?? here);
    return `${out}/${exit.vlan}`;
  });
}

const tablesOf = (whole: FlowTable, bridges: Bridges<string>) =>
  new Map(NAMES.map((name) => [name, onBridge(whole, name, bridges)]));

test("every frame comes out where it should, once, with the right tag, and nowhere else, whatever bridge has which port", () => {
  const at = fc.array(fc.constantFrom(...NAMES), { minLength: SWITCH_PORTS.length, maxLength: SWITCH_PORTS.length });
  fc.assert(
    fc.property(worlds, at, (world, at) => {
      const bridges = spread(SWITCH_PORTS, at);
      const tables = tablesOf(wantedTable(world.nets, world.ports, ABILITIES["1.3"]).table, bridges);
      for (const frame of framesInto(world))
        expect(leaves(tables, bridges, SWITCH_PORTS, frame).sort(), JSON.stringify(frame)).toEqual(shouldLeave(world, frame));
    }),
    { numRuns: RUNS },
  );
});

const PORTS = ["x", "a", "b"];
const SERVICE = "02:00:00:00:00:64";
const VIEWER = "02:00:00:00:00:0a";
const bridges = spread(PORTS, NAMES);
const ARMED = standInsOf(new Map([["T" as NetId, ["B" as NetId]]]));
const ports = [port("T", "x", VIEWER), port("A", "a", SERVICE), port("B", "b", SERVICE)];
const whole = (serving: string, standIn: string) =>
  wantedTable(
    [net("A"), net("B"), net("T", serving)],
    ports,
    ABILITIES["1.3"],
    standInsOf(new Map(Object.entries({ T: [standIn] })) as never),
  ).table;

test("a bind to a member on another host is one change, where the viewer's packets enter, and changes what comes from the members", () => {
  const [before, after] = [whole("A", "B"), whole("B", "A")].map((t) => tablesOf(t, bridges));
  const changes = flowChanges(after!.get("A")!, before!.get("A")!).flat();
  expect(changes.map((c) => c.op)).toContain("modifyGroup");
  expect(changes.filter((c) => c.op === "addEntry" || c.op === "deleteEntry")).toEqual([]);
  expect(leaves(after!, bridges, PORTS, { inPort: "x", vlan: null, ethDst: SERVICE })).toEqual(["b/null"]);
  expect(leaves(after!, bridges, PORTS, { inPort: "b", vlan: null, ethDst: VIEWER })).toEqual(["x/null"]);
  expect(leaves(after!, bridges, PORTS, { inPort: "a", vlan: null, ethDst: VIEWER })).toEqual([]);
});

test("armed in the switch, a host that the tunnels do not reach is replaced by the one that stands in, both ways", () => {
  const tables = tablesOf(whole("A", "B"), bridges);
  const forth = { inPort: "x", vlan: null, ethDst: SERVICE };
  const back = { inPort: "b", vlan: null, ethDst: VIEWER };
  expect(leaves(tables, bridges, PORTS, forth)).toEqual(["a/null"]);
  expect(leaves(tables, bridges, PORTS, back)).toEqual([]); // The gate: while the member that serves is reached, nobody else answers.
  const dead = ["A>B", "C>B"]; // Host B, where member a is, is cut off.
  expect(leaves(tables, bridges, PORTS, forth, dead)).toEqual(["b/null"]);
  expect(leaves(tables, bridges, PORTS, back, dead)).toEqual(["x/null"]);
});

test("what the switch does not notice by itself is said, of nets that are spread alone", () => {
  const nets = [net("A"), net("B"), net("T", "A"), net("U", "A")];
  expect([...armedByHostAlone(nets, ports, ARMED, bridges).keys()]).toEqual(["T"]);
  expect(armedByHostAlone(nets, ports, ARMED, spread(PORTS, ["A", "A", "A"])).size).toBe(0);
});
