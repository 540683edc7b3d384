import { OvsdbSession } from "../src/hosts/ovsdb-session.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import type { Json, Operation } from "../src/wire/ovsdb/messages.ts";
import type { Ovs } from "../test/harness/ovs.ts";

const PORTS_AT_ONCE = 1_000;
/** A switch takes minutes to take thousands of ports in, and longer on a busy machine. */
const SETTLE_MS = 120_000;

/** By the database itself: ovs-vsctl looks through all ports for each that it adds. */
export async function addPorts(ovs: Ovs, names: readonly string[]): Promise<void> {
  const session = await databaseOf(ovs);
  for (let i = 0; i < names.length; i += PORTS_AT_ONCE) {
    const some = names.slice(i, i + PORTS_AT_ONCE);
    const rows = some.flatMap((name, n): Operation[] => [
      { op: "insert", table: "Interface", row: { name, type: "dummy" }, "uuid-name": `interface${n}` },
      { op: "insert", table: "Port", row: { name, interfaces: ["named-uuid", `interface${n}`] }, "uuid-name": `port${n}` },
    ]);
    const ports: Json = ["set", some.map((_, n) => ["named-uuid", `port${n}`])];
    await session.transact([...rows, { op: "mutate", table: "Bridge", where: BRIDGE, mutations: [["ports", "insert", ports]] }]);
  }
  session.close();
  const giveUpAt = systemClock.now() + SETTLE_MS;
  const count = async () => (await ovs.ofctl("dump-ports-desc", ovs.management).catch(() => "")).split("addr:").length - 1;
  while ((await count()) < names.length) {
    if (systemClock.now() > giveUpAt) throw new Error("the switch did not take its ports in time");
    await systemClock.sleep(500);
  }
}

export const BRIDGE = [["name", "==", "br0"]] as const;
export const databaseOf = (ovs: Ovs): Promise<OvsdbSession> =>
  OvsdbSession.connect(ovs.management.replace("br0.mgmt", "db.sock"), systemClock, silent, {
    updated: () => {},
    closed: () => {},
  });
