import fc from "fast-check";
import { expect, test } from "vitest";
import { framesInto, SWITCH_PORTS, shouldLeave, type World, worlds } from "../../test/harness/fabric-rule.ts";
import { NUMBERED, net, port, walk } from "../../test/harness/table.ts";
import type { FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { VimPort } from "../model/net.ts";
import { ABILITIES } from "../model/switch.ts";
import { flowChanges } from "./changes.ts";
import { GroupIds } from "./group-ids.ts";
import { armedByHostAlone, type Bridges, onBridge } from "./overlay.ts";
import { NO_STAND_INS, type StandIns, standInsOf } from "./stand-ins.ts";
import { TunnelKeys } from "./tunnel-keys.ts";
import { arrival, entryOf, wantedTable } from "./wanted.ts";

const RUNS = Number(process.env.FABRIC_RUNS ?? 100);
const NAMES = ["A", "B", "C"];
const SERVICE = "02:00:00:00:00:64";
const OWN_IP = "10.0.0.1";

/** `at`: the bridge of each port; a port's number is its place in the list. */
class Spread implements Bridges<string> {
  readonly keys = new TunnelKeys();
  readonly #ports: readonly string[];
  readonly #at: readonly string[];

  constructor(ports: readonly string[], at: readonly string[]) {
    this.#ports = ports;
    this.#at = at;
  }

  bridgeOf(name: string) {
    return this.#at[this.#ports.indexOf(name)] ?? null;
  }

  numberOf(name: string) {
    return this.#ports.includes(name) ? this.#ports.indexOf(name) + 1 : null;
  }

  tunnel(from: string, to: string) {
    return from === to ? null : `${from}>${to}`;
  }
}

type Frame = Parameters<typeof walk>[1];
type Tables = ReadonlyMap<string, FlowTable>;
const TUNNEL = /^(.)>(.)$/;
const HOPS_MAX = 6;

/** Where a frame leaves: on the bridge it enters, and by the key of a tunnel on another, from where it may be led on. */
function leaves(
  tables: Tables,
  bridges: Bridges<string>,
  ports: readonly string[],
  frame: Frame,
  dead: readonly string[] = [],
): string[] {
  const led = (here: string, frame: Frame, hops: number): string[] => {
    expect(hops, `a frame goes in a circle: ${JSON.stringify(frame)}`).toBeLessThan(HOPS_MAX);
    return walk(tables.get(here)!, frame, dead).flatMap((exit) => {
      const [, from, to] = TUNNEL.exec(exit.port) ?? [];
      const far = from === here ? to : undefined;
      if (far !== undefined) return led(far, { ...frame, inPort: `${far}>${here}`, vlan: exit.vlan, key: exit.key! }, hops + 1);
      const out = exit.port.startsWith(NUMBERED) ? ports[Number(exit.port.slice(1)) - 1] : exit.port;
      if (out === undefined || dead.includes(out)) return []; // A question that nobody here knows, or a link that is down.
      expect(bridges.bridgeOf(out), `${exit.port} of ${here}`).toBe(here);
      return [`${out}/${exit.vlan}`];
    });
  };
  return led(bridges.bridgeOf(frame.inPort)!, frame, 0);
}

/** Each bridge works the whole out for itself, with numbers of groups of its own. */
const tablesOf = (bridges: Bridges<string>, { nets, ports }: World, standIns: StandIns = NO_STAND_INS): Tables =>
  new Map(
    NAMES.map((name) => {
      const ids = new GroupIds();
      const { table } = wantedTable(nets, ports, ABILITIES["1.3"], standIns, ids);
      const { entries, groups, isBlind } = onBridge(table, name, bridges, ids);
      expect(isBlind).toBe(false);
      const arrivals = NAMES.flatMap((from) => (from === name ? [] : [arrival(`${name}>${from}`)]));
      return [name, { entries: [...arrivals, ...entries], groups }];
    }),
  );

const places = fc.array(fc.constantFrom(...NAMES), { minLength: SWITCH_PORTS.length, maxLength: SWITCH_PORTS.length });

test("every frame comes out where it should, once, with the right tag, and nowhere else, whatever bridge has which port", () => {
  fc.assert(
    fc.property(worlds, places, (world, at) => {
      const bridges = new Spread(SWITCH_PORTS, at);
      const tables = tablesOf(bridges, world);
      for (const frame of framesInto(world))
        expect(leaves(tables, bridges, SWITCH_PORTS, frame).sort(), JSON.stringify(frame)).toEqual(shouldLeave(world, frame));
    }),
    { numRuns: RUNS },
  );
});

test("whatever ports are lost, held to their addresses and wherever they are, bridges of several hosts do what one switch does", () => {
  const idOf = (i: number) => `n${i}` as NetId;
  const chains = fc.array(fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 4 });
  const lost = fc.subarray(SWITCH_PORTS, { maxLength: 3 });
  const held = fc.subarray(SWITCH_PORTS, { maxLength: 3 });
  fc.assert(
    fc.property(worlds, places, chains, lost, held, (drawn, at, chains, dead, held) => {
      const isHeld = (p: VimPort) => held.includes(p.switchPort!) && p.mac !== null;
      const world = { ...drawn, ports: drawn.ports.map((p) => (isHeld(p) ? { ...p, ip: OWN_IP, portSecurity: true } : p)) };
      const standIns = standInsOf(new Map(chains.map((chain, i) => [idOf(i), chain.filter((c) => c !== i).map(idOf)])));
      const bridges = new Spread(SWITCH_PORTS, at);
      const tables = tablesOf(bridges, world, standIns);
      const { table } = wantedTable(world.nets, world.ports, ABILITIES["1.3"], standIns);
      for (const frame of framesInto(world)) {
        if (dead.includes(frame.inPort)) continue;
        const { mac = null } = world.ports.find((p) => p.switchPort === frame.inPort) ?? {};
        for (const ipv4 of held.includes(frame.inPort) ? [OWN_IP, "10.0.0.2"] : [OWN_IP]) {
          const sent = { ...frame, from: { mac: mac ?? SERVICE, ipv4 } };
          const asOne = walk(table, sent, dead).map((e) => `${e.port}/${e.vlan}`);
          expect(leaves(tables, bridges, SWITCH_PORTS, sent, dead).sort(), JSON.stringify(sent)).toEqual(asOne.sort());
        }
      }
    }),
    { numRuns: RUNS },
  );
});

const PORTS = ["x", "a", "b"];
const VIEWER = "02:00:00:00:00:0a";
const bridges = new Spread(PORTS, NAMES);
const ARMED = standInsOf(new Map([["T" as NetId, ["B" as NetId]]]));
const ports = [port("T", "x", VIEWER), port("A", "a", SERVICE), port("B", "b", SERVICE)];
const armed = (serving: string, standIn: string) =>
  tablesOf(
    bridges,
    { nets: [net("A"), net("B"), net("T", serving)], ports },
    standInsOf(new Map([["T" as NetId, [standIn as NetId]]])),
  );
const FORTH = { inPort: "x", vlan: null, ethDst: SERVICE };
const BACK = { inPort: "b", vlan: null, ethDst: VIEWER };

test("a bind to a member on another host is one change, where the viewer's packets enter, and changes what comes from the members", () => {
  const [before, after] = [armed("A", "B"), armed("B", "A")];
  const changes = flowChanges(after.get("A")!, before.get("A")!).flat();
  expect(changes.map((c) => c.op)).toContain("modifyGroup");
  expect(changes.filter((c) => c.op === "addEntry" || c.op === "deleteEntry")).toEqual([]);
  expect(leaves(after, bridges, PORTS, FORTH)).toEqual(["b/null"]);
  expect(leaves(after, bridges, PORTS, BACK)).toEqual(["x/null"]);
  expect(leaves(after, bridges, PORTS, { ...BACK, inPort: "a" })).toEqual([]);
});

test.each([
  ["a host that the tunnels do not reach", ["A>B", "C>B"]],
  ["a port of another host", ["a"]],
])("armed in the switch, %s is replaced by the one that stands in, both ways", (_, dead) => {
  const tables = armed("A", "B");
  expect(leaves(tables, bridges, PORTS, FORTH)).toEqual(["a/null"]);
  expect(leaves(tables, bridges, PORTS, BACK)).toEqual([]); // The gate: while the member that serves is up, nobody else answers.
  expect(leaves(tables, bridges, PORTS, FORTH, dead)).toEqual(["b/null"]);
  expect(leaves(tables, bridges, PORTS, BACK, dead)).toEqual(["x/null"]);
});

test("a bridge that does not know yet what it is asked leads on as if it were not asked, and opens nothing", () => {
  const tables = new Map(armed("A", "B")).set("B", { entries: NAMES.map((from) => arrival(`B>${from}`)), groups: [] });
  expect(leaves(tables, bridges, PORTS, FORTH)).toEqual(["a/null"]);
  expect(leaves(tables, bridges, PORTS, BACK, ["a"])).toEqual([]);
});

test("where there are no keys left it is said of the nets that have none, and the loss of a host is noticed still", () => {
  const use = (n: number) => ({ text: `forward ${n}`, owner: `${n}` });
  const full = new Spread(PORTS, NAMES);
  for (let n = 0; full.keys.aimed("a", 2, use(n)) !== null; n++) expect(n).toBeLessThan(256);
  const ids = new GroupIds();
  const nets = [net("A"), net("B"), net("T", "A"), net("U", "A")];
  const { table } = wantedTable(nets, ports, ABILITIES["1.3"], ARMED, ids);
  const here = onBridge(table, "A", full, ids);
  expect(here.isBlind).toBe(true);
  expect(walk(here, FORTH, ["A>B"])).toEqual([{ port: "A>C", vlan: null, key: 3 }]);
  expect([...armedByHostAlone(nets, ARMED, new Set(["A" as NetId])).keys()]).toEqual(["T"]);
  full.keys.keepOnly(new Set(["T"]));
  expect(onBridge(table, "A", full, ids).isBlind).toBe(false);
});

test("keys that stand in the switches keep their meaning over a restart, whoever is asked for first", () => {
  const uses = Array.from({ length: 40 }, (_, n) => ({ text: `forward n${n}`, owner: `n${n}` }));
  const keyed = (keys: TunnelKeys, all: typeof uses) => new Map(all.map((use) => [use.owner, keys.aimed("a", 7, use)!]));
  const before = keyed(new TunnelKeys(), uses);
  expect(new Set(before.values()).size).toBe(uses.length);
  const restarted = new TunnelKeys();
  const entries = [...before].map(([owner, tunnelKey]) => ({ ...entryOf(50_001, owner), match: { tunnelKey } }));
  restarted.found("B", { entries, groups: [] });
  expect(keyed(restarted, uses.toReversed())).toEqual(new Map([...before].reverse()));
});
