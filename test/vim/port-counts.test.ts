import { afterAll, beforeAll, expect, test } from "vitest";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { ArmedRig } from "./armed-rig.ts";
import { frameTo } from "./pump.ts";
import { until } from "./rig.ts";

/** What ports of a real switch have carried, by the API. */
let rig: ArmedRig;
let app: ReturnType<typeof serveOpenvim>;
beforeAll(async () => {
  rig = await ArmedRig.start();
  app = serveOpenvim(rig.vim, true, { clock: systemClock, log: silent });
});
afterAll(async () => {
  await app.close();
  await rig[Symbol.asyncDispose]();
});

const FRAMES = 5;
const FRAME_BYTES = 60;
const ask = async (path: string) => {
  const { statusCode: status, body } = await app.inject({ method: "GET", url: `/openvim${path}` });
  return { status, body: JSON.parse(body) };
};

test("what a user sends is counted as sent at its port, and as received by the member that serves it", async () => {
  const [member, switchPort] = [rig.portOf(rig.a), rig.portOf(rig.a).switchPort];
  expect(switchPort).not.toBeNull();
  const outside = rig.nets.traffic0!; // It is cabled by its provider, and has no port of its own.
  const before = (await ask("/counters")).body.counters;
  const counted = (all: { port_id: string }[], id: string) =>
    all.find((c) => c.port_id === id) as Record<string, unknown> | undefined;
  expect(counted(before, member.id)).toMatchObject({ name: member.name, server_id: rig.a.id, network_name: "data0" });
  expect(counted(before, outside.id)).toMatchObject({ server_id: null, network_name: "traffic0" });

  const frame = frameTo(member.mac!, "02:00:00:00:02:00");
  await rig.ovs.appctl("netdev-dummy/receive", "va", ...new Array<string>(FRAMES).fill(frame));
  const grown = async (id: string, key: string) =>
    Number(counted((await ask("/counters")).body.counters, id)![key]) - Number(counted(before, id)![key]);
  await until("sent", async () => (await grown(outside.id, "packets_out")) >= FRAMES);
  await until("received", async () => (await grown(member.id, "packets_in")) >= FRAMES);
  expect(await grown(outside.id, "bytes_out")).toBeGreaterThanOrEqual(FRAMES * FRAME_BYTES);
  expect(await grown(member.id, "bytes_in")).toBeGreaterThanOrEqual(FRAMES * FRAME_BYTES);

  const one = await ask(`/ports/${member.id}/counters`);
  expect([one.status, one.body.counters.port_id]).toEqual([200, member.id]);
  expect((await ask("/ports/00000000-0000-4000-8000-000000000000/counters")).status).toBe(404);
});

test("however many ask at once, the switch is asked once; without a switch nothing is told", async () => {
  const session = rig.vim.fabric.session!;
  let asked = 0;
  const counting = new Proxy(session, {
    get: (target, name) => {
      if (name === "portCounters") asked++;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { PortCounts } = await import("../../src/vim/port-counts.ts");
  let now = 0;
  const clock = { ...systemClock, now: () => now };
  const fabric: { session: typeof session | null } = { session: counting };
  const counts = new PortCounts({ picture: rig.vim.picture, fabric, clock });
  const all = await Promise.all(Array.from({ length: 20 }, () => counts.list()));
  expect([asked, all[0]!.length > 0]).toEqual([1, true]);
  now = 1_000;
  await counts.list();
  expect(asked).toBe(2);
  fabric.session = null;
  expect(await counts.list()).toEqual([]);
});

test("a cable that is a port of its net too is counted once, as that port", async () => {
  const { PortCounts } = await import("../../src/vim/port-counts.ts");
  const counted = { rxBytes: 1n, txBytes: 2n, rxPackets: 3n, txPackets: 4n };
  const session = { abilities: { counters: true }, portCounters: async () => new Map([["eth9", counted]]) };
  const net = { id: "n", name: "traffic", provider: "openflow:eth9", vlan: null };
  const port = { id: "p", name: "cable", serverId: null, netId: "n", switchPort: "eth9" };
  const listed = (ports: object[]) => {
    const picture = { ports: new Map(ports.map((p) => ["p", p])), nets: new Map([["n", net]]) };
    return new PortCounts({ picture, fabric: { session }, clock: systemClock } as never).list();
  };
  expect((await listed([])).map((c) => c.portId)).toEqual(["n"]);
  expect((await listed([port])).map((c) => c.portId)).toEqual(["p"]);
});
