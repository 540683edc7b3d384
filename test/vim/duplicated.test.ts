import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { NetId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import { storeSwitchOver } from "../../src/store/vim-protections.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { listen } from "../../src/switch/listen.ts";
import type { SwitchSession } from "../../src/switch/session.ts";
import { Vim } from "../../src/vim/vim.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";

/** A net that is led into two at once (1+1): OpenVIM's API with ours beside it, the store and a real switch. */
const PORTS = [
  ["data_a", "a1", "02:00:00:00:00:64"],
  ["data_b", "b2", null],
  ["traffic", "v3", "02:00:00:00:00:0a"],
] as const;
const ends = new AsyncDisposableStack();
const dir = mkdtempSync(join(tmpdir(), "sv-"));
const store = { path: join(dir, "vim.db"), migrationsDir: new URL("../../sql/vim", import.meta.url).pathname };
const nets = new Map<string, string>();
let ovs: Ovs;
let session: SwitchSession;
let vim: Vim;
let app: ReturnType<typeof serveOpenvim>;
let close: () => Promise<void>;

/** The VIM on its store, as after a restart. */
async function open(): Promise<void> {
  const db = await openStore<VimDb>(store);
  vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 3010 } });
  vim.fabric.connected(session);
  app = serveOpenvim(vim, true, { clock: systemClock, log: silent });
  close = async () => {
    await app.close();
    await vim.picture.settled();
    await vim.events.flush();
    await db.destroy();
  };
}

async function ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, payload?: object) {
  const reply = await app.inject({ method, url: `/openvim${path}`, ...(payload && { payload }) });
  return { status: reply.statusCode, body: reply.json() };
}
const put = (...names: string[]) => ask("PUT", `/networks/${names.map((n) => nets.get(n) ?? n).join("/")}`);
const shown = async () => {
  const { network } = (await ask("GET", `/networks/${nets.get("traffic")}`)).body;
  const nameOf = (id: string | undefined) => [...nets].find(([, known]) => known === id)?.[0];
  return [nameOf(network.bind_net), nameOf(network.copy_net)];
};
/** Ports of the datapath that a frame from this one leaves by. */
const leaves = async (inPort: number, dst = "ff:ff:ff:ff:ff:ff") => {
  const text = await ovs.trace(`in_port=${inPort},dl_src=02:00:00:00:00:99,dl_dst=${dst}`);
  return (/Datapath actions: (.*)$/m.exec(text)?.[1] ?? text).split(",").sort();
};

beforeAll(async () => {
  ends.defer(() => rmSync(dir, { recursive: true }));
  const listener = ends.use(await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n }));
  const up = new Promise<void>((resolve) => listener.on((e) => e.type === "up" && resolve()));
  const controller = [`tcp:127.0.0.1:${listener.tcpPort}`];
  const ports = PORTS.map(([, name]) => name);
  ovs = ends.use(await startOvs({ datapathType: "dummy", ports, protocols: ["OpenFlow13"], controller }));
  await up;
  session = [...listener.sessions.values()][0] as SwitchSession;
  await open();
  ends.defer(() => close());
  for (const [net, switchPort, mac] of PORTS) {
    const { body } = await ask("POST", "/networks", { network: { name: net, type: "data", shared: true } });
    nets.set(net, body.network.id);
    const port = {
      name: switchPort,
      network_id: body.network.id,
      "binding:switch_port": switchPort,
      ...(mac && { mac_address: mac }),
    };
    expect((await ask("POST", "/ports", { port })).status).toBe(200);
  }
  await vim.fabric.reconcile();
});
afterAll(() => ends.disposeAsync());

test("bound to two: a copy goes to each, both answer, and the switch holds one group of type all", async () => {
  expect((await put("traffic", "data_a")).status).toBe(200);
  expect([await leaves(3), await leaves(2)]).toEqual([["1"], ["drop"]]);
  const { status, body } = await put("traffic", "data_a", "data_b");
  expect([status, body.network.copy_net]).toEqual([200, nets.get("data_b")]);
  expect(body.applied.barrier_mono_ms).toBeGreaterThanOrEqual(body.applied.on_wire_mono_ms);
  expect(await shown()).toEqual(["data_a", "data_b"]);
  expect([await leaves(3), await leaves(1), await leaves(2)]).toEqual([["1", "2"], ["3"], ["3"]]);
  expect((await session.read()).groups).toMatchObject([{ type: "all", buckets: [{}, {}] }]);
  expect((await vim.fabric.reconcile())?.changes, "what was written is all that is wanted").toBe(0);
  expect((await put("traffic", "data_a", "data_b")).body.applied.changes).toBe(0);
});

test("it survives a restart of the VIM, which changes no entry", async () => {
  await close();
  await open();
  expect(await shown()).toEqual(["data_a", "data_b"]);
  expect((await vim.fabric.reconcile())?.changes).toBe(0);
});

test("what an armed plan makes of it, the two in each other's place, is stored whole", async () => {
  const net = vim.picture.nets.get(nets.get("traffic") as NetId)!;
  await storeSwitchOver(vim.picture.db, [{ ...net, bindNet: net.copyNet, copyNet: net.bindNet }], [], []);
  await close();
  await open();
  expect(await shown()).toEqual(["data_b", "data_a"]);
  await put("traffic", "data_a", "data_b");
});

test("what is no 1+1 is refused with a sentence, and changes nothing", async () => {
  for (const [names, status, says] of [
    [["traffic", "data_a", "data_a"], 400, "name two that differ"],
    [["traffic", "data_a", "traffic"], 400, "cannot be bound to itself"],
    [["traffic", "data_a", "nowhere"], 404, "network 'nowhere' not found"],
    [["data_b", "data_a", "traffic"], 409, "binds do not chain"],
    [["data_b", "data_a"], 409, "binds do not chain"],
  ] as const) {
    const { status: got, body } = await put(...names);
    expect([got, body.error.description]).toEqual([status, expect.stringContaining(says)]);
  }
  expect((await ask("DELETE", `/networks/${nets.get("data_b")}`)).status).not.toBe(200);
  expect([await shown(), await leaves(3)]).toEqual([
    ["data_a", "data_b"],
    ["1", "2"],
  ]);
});

test("a change of the net's name keeps both; bound to one again, or to none, the copy has ended", async () => {
  await ask("PUT", `/networks/${nets.get("traffic")}`, { network: { name: "other" } });
  expect(await shown()).toEqual(["data_a", "data_b"]);
  await put("traffic", "data_b");
  expect([await shown(), await leaves(3), await leaves(1)]).toEqual([["data_b", undefined], ["2"], ["drop"]]);
  await put("traffic", "data_a", "data_b");
  await ask("DELETE", `/networks/${nets.get("traffic")}/any`);
  expect([await shown(), await leaves(3)]).toEqual([[undefined, undefined], ["drop"]]);
  expect((await vim.fabric.reconcile())?.changes).toBe(0);
});
