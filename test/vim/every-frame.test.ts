import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { flowChanges } from "../../src/steer/changes.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { listen } from "../../src/switch/listen.ts";
import { framesInto, MULTICAST, SWITCH_PORTS, shouldLeave, worlds } from "../harness/fabric-rule.ts";
import { startOvs } from "../harness/ovs.ts";
import { Tracer } from "../harness/tracer.ts";

const RUNS = Number(process.env.FABRIC_RUNS ?? 20);

/** The same rule as in `steer/every-frame.test.ts`, and the switch itself says where frames go. */
test.each([
  ["1.3", "OpenFlow13"],
  ["1.0", "OpenFlow10"],
] as const)(
  "OpenFlow %s: a real switch leads every frame where it should go, and tells its table as it was written",
  async (version, protocol) => {
    await using listener = await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n });
    const up = new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
    const controller = [`tcp:127.0.0.1:${listener.tcpPort}`];
    await using ovs = await startOvs({ datapathType: "dummy", ports: SWITCH_PORTS, protocols: [protocol], controller });
    await up;
    const session = [...listener.sessions.values()][0]!;
    using tracer = await Tracer.open(ovs, SWITCH_PORTS);
    const property = fc.asyncProperty(worlds, async (world) => {
      const { table } = wantedTable(world.nets, world.ports, ABILITIES[version]);
      await session.apply(flowChanges(table, await session.read()));
      expect(flowChanges(table, await session.read()), "as it was written").toEqual([]);
      for (const frame of framesInto(world)) {
        if (version === "1.0" && frame.ethDst === MULTICAST) continue;
        expect(await tracer.leaves(frame), JSON.stringify(frame)).toEqual(shouldLeave(world, frame));
      }
    });
    await fc.assert(property, { numRuns: RUNS });
  },
);
