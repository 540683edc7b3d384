import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import type { NetId } from "../../src/model/ids.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { fabricNet } from "../../src/steer/fabric.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { isContested } from "../../tools/flows/reach.ts";

/** A place of the switch, a port and a tag, is one net's: also where the tag is that of a bind. */

const migrationsDir = join(import.meta.dirname, "../../sql/vim");
let db: VimStore;
let vim: Vim;

beforeEach(async () => {
  db = await openStore<VimDb>({ path: ":memory:", migrationsDir });
  vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 100, last: 199 } });
});
afterEach(async () => {
  await vim.events.flush();
  await db.destroy();
});

const data = async (name: string, more: object = {}) => (await vim.nets.createNet({ name, kind: "data", ...more })).id;
const cable = async (netId: NetId | null, switchPort: string, vlan: number | null = null) =>
  (await vim.ports.createPort({ name: `${switchPort}.${vlan}`, netId, switchPort, vlan })).id;

/** It is refused, by the names of the nets and the port, and nothing is changed. */
async function refused(asked: () => Promise<unknown>, ...names: string[]): Promise<void> {
  const before = JSON.stringify([[...vim.picture.nets.values()], [...vim.picture.ports.values()]]);
  const fault = await asked().then(
    () => null,
    (e: unknown) => e,
  );
  expect(fault).toMatchObject({ code: "CONFLICT" });
  for (const name of names) expect((fault as Fault).message).toContain(name);
  expect(JSON.stringify([[...vim.picture.nets.values()], [...vim.picture.ports.values()]])).toBe(before);
}

describe("a bind by VLAN 5 into a network with an untagged port on p1, and VLAN 5 of another network there", () => {
  const NAMES = ["'trunk'", "'bound'", "'other'", "'p1'", "VLAN 5"];

  test("the bind is refused, of a new network and of one that is there", async () => {
    const trunk = await data("trunk");
    await cable(trunk, "p1");
    await cable(await data("other"), "p1", 5);
    await refused(() => data("bound", { bindNet: trunk, bindVlan: 5 }), ...NAMES);
    const bound = await data("bound", { bindVlan: 5 });
    await refused(() => vim.binds.changeBind(bound, trunk), ...NAMES);
    expect(() => vim.binds.check(bound, trunk)).toThrow("is taken by network 'other'");
    expect(() => vim.binds.check(bound, trunk, 6)).not.toThrow();
  });

  test("another tag for a bind that stands is refused, one that is free is not", async () => {
    const trunk = await data("trunk");
    await cable(trunk, "p1");
    await cable(await data("other"), "p1", 5);
    const bound = await data("bound", { bindNet: trunk, bindVlan: 6 });
    await refused(() => vim.nets.editNet(bound, { bindVlan: 5 }), ...NAMES);
    expect((await vim.nets.editNet(bound, { bindVlan: 7 })).bindVlan).toBe(7);
  });

  test("the port of the other network is refused, a new one and one that moves there", async () => {
    const trunk = await data("trunk");
    await cable(trunk, "p1");
    await data("bound", { bindNet: trunk, bindVlan: 5 });
    const other = await data("other");
    const names = ["'trunk'", "'bound'", "'p1'", "VLAN 5"];
    await refused(() => cable(other, "p1", 5), ...names);
    const idle = await cable(null, "p1", 5);
    await refused(() => vim.ports.editPort(idle, { netId: other }), ...names);
    await refused(() => data("outside", { vlan: 5, provider: "openflow:p1:vlan" }), ...names);
    await cable(other, "p1", 6);
    await cable(other, "p2", 5);
  });

  test("the untagged port of the network that is bound to is refused, as a port and as its provider", async () => {
    const trunk = await data("trunk");
    await data("bound", { bindNet: trunk, bindVlan: 5 });
    const taken = await cable(await data("other"), "p1", 5);
    await refused(() => cable(trunk, "p1"), ...NAMES);
    await refused(() => vim.nets.editNet(trunk, { provider: "openflow:p1" }), ...NAMES);
    await vim.ports.deletePort(taken);
    await cable(trunk, "p1");
  });

  test("a bound network's own port there is no other's way in", async () => {
    const trunk = await data("trunk");
    await cable(trunk, "p1");
    const bound = await data("bound", { bindNet: trunk, bindVlan: 5 });
    await refused(() => cable(bound, "p1", 5), "'trunk'", "'bound'", "'p1'");
    const own = { vlan: 7, provider: "openflow:p1:vlan", bindNet: trunk, bindVlan: 7 };
    await refused(() => data("outside", own), "'trunk'", "'outside'", "'p1'");
  });

  test("two networks bound by one VLAN are fine: what comes with it is for both", async () => {
    const trunk = await data("trunk");
    await cable(trunk, "p1");
    for (const name of ["one", "two"]) await data(name, { bindNet: trunk, bindVlan: 5 });
    await cable(trunk, "p2", 5);
  });
});

const TAGS = [null, null, 5, 6];
const SWITCH_PORTS = ["p0", "p1", "p2"];
const step = fc.record({
  does: fc.constantFrom("cable", "cable", "move", "bind", "bind", "unbind", "tag", "provider", "make", "unplug"),
  ...{ net: fc.nat(3), to: fc.nat(3), at: fc.constantFrom(...SWITCH_PORTS), vlan: fc.constantFrom(...TAGS), which: fc.nat(99) },
});

/** What somebody may ask for, in any order; what the VIM refuses is passed over. */
async function take(s: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const [nets, ports] = [[...vim.picture.nets.keys()], [...vim.picture.ports.keys()]];
  const [net, to] = [nets[s.net % nets.length]!, nets[s.to % nets.length]!];
  const port = ports[s.which % Math.max(ports.length, 1)];
  if (s.does === "cable") await cable(net, s.at, s.vlan);
  if (s.does === "move" && port) await vim.ports.editPort(port, { netId: net });
  if (s.does === "unplug" && port) await vim.ports.deletePort(port);
  if (s.does === "bind") await vim.binds.changeBind(net, to);
  if (s.does === "unbind") await vim.binds.changeBind(net, null);
  if (s.does === "tag") await vim.nets.editNet(net, { bindVlan: s.vlan });
  if (s.does === "provider") await vim.nets.editNet(net, { provider: `openflow:${s.at}` });
  if (s.does === "make" && nets.length < 6) await data(`more${s.which}`, { bindNet: to, bindVlan: s.vlan });
}

test("whatever is asked for in whatever order, no place has two nets and no match of a table stands twice", async () => {
  let done = 0;
  const refusals = new Set<string>();
  const walk = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
    for (const id of vim.picture.nets.keys()) if (vim.picture.nets.get(id)?.bindNet) await vim.binds.changeBind(id, null);
    for (const id of [...vim.picture.ports.keys()]) await vim.ports.deletePort(id);
    for (const id of [...vim.picture.nets.keys()]) await vim.nets.deleteNet(id);
    for (const [i, vlan] of [null, 5, 6, 5].entries()) await data(`n${i}`, { bindVlan: vlan, vlan: 40 + i });
    for (const s of steps) {
      await take(s).then(
        () => done++,
        (e: unknown) => {
          if (!(e instanceof Fault)) throw e;
          if (e.code === "CONFLICT") refusals.add(e.message.replaceAll(/'[^']*'|\d+/g, "…"));
        },
      );
      const [nets, ports] = [[...vim.picture.nets.values()], [...vim.picture.ports.values()]];
      const carried = nets.map((n) => fabricNet(n, ports));
      expect(isContested(carried), `after ${JSON.stringify(s)}`).toBe(false);
      for (const version of ["1.0", "1.3"] as const) {
        const { table, problems } = wantedTable(nets, ports, ABILITIES[version]);
        const matches = table.entries.map((e) => JSON.stringify([e.priority, e.match]));
        expect(new Set(matches).size).toBe(matches.length);
        expect([...problems.values()].filter((why) => why.includes("is taken by"))).toEqual([]);
      }
    }
  });
  await fc.assert(walk, { numRuns: 40, seed: 7 }); // Walks that are known to meet both refusals.
  expect(done).toBeGreaterThan(300);
  expect([...refusals].filter((r) => r.includes("by which network")).length, [...refusals].join("\n")).toBeGreaterThan(0);
  expect([...refusals].filter((r) => r.includes("leads from network")).length).toBeGreaterThan(0);
});
