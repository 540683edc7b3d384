import fc from "fast-check";
import { expect, test } from "vitest";
import { framesInto, MULTICAST, shouldLeave, worlds } from "../../test/harness/fabric-rule.ts";
import { walk } from "../../test/harness/table.ts";
import { ABILITIES } from "../model/switch.ts";
import { wantedTable } from "./wanted.ts";

const RUNS = Number(process.env.FABRIC_RUNS ?? 100);

test.each(["1.3", "1.0"] as const)(
  "OpenFlow %s: every frame comes out where it should, once, with the right tag, and nowhere else",
  (version) => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { table } = wantedTable(world.nets, world.ports, ABILITIES[version]);
        const keys = table.entries.map((e) => JSON.stringify([e.priority, e.match]));
        expect(new Set(keys).size, "one match stands once").toBe(keys.length);
        for (const frame of framesInto(world)) {
          if (version === "1.0" && frame.ethDst === MULTICAST) continue; // 1.0 cannot ask for the group bit.
          const left = walk(table, frame).map((e) => `${e.port}/${e.vlan}`);
          expect(left.sort(), JSON.stringify(frame)).toEqual(shouldLeave(world, frame));
        }
      }),
      { numRuns: RUNS },
    );
  },
);
