import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { slowLinks } from "../../src/mano/slow-links.ts";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import type { VimAccountId } from "../../src/model/ids.ts";
import type { ProtectionGroup } from "../../src/model/protection.ts";
import type { Inventory } from "../../src/vimconn/connector.ts";
import { linkPortOf } from "../../src/vimconn/wire.ts";
import { Rig, until } from "./rig.ts";

const run = promisify(execFile);
const SEMPRE = join(import.meta.dirname, "../../src/sempre.ts");
const SLOW = "up on slow timers: the peer says init";

const group = async (rig: Rig): Promise<ProtectionGroupView> =>
  (await rig.ask("GET", "/mano/v1/protection_groups/media-relay")).body;

test("a group is not ready while BFD on its users' cable is still on slow timers; the group and the command line say so, and it is ready after", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  await until("ready", async () => (await group(rig)).isReady);
  const uplink = {
    id: "uplink",
    name: "uplink",
    "binding:switch_port": "p3",
    network_id: "id-traffic_net0",
    status: "ACTIVE",
  };
  const look = () => rig.vim.push({ type: "host.status", hostId: "1" as never, status: "up" }); // Something that has the MANO look.
  rig.vim.ports.set("uplink", { ...uplink, bfd: { protected: false, why: SLOW } });
  look();
  await until("not ready", async () => !(await group(rig)).isReady);
  const words = `the link of port uplink (p3) is not yet protected by its BFD: ${SLOW}`;
  expect((await group(rig)).readyBecause).toEqual([words]);
  const cli = async (...args: string[]) =>
    (await run(process.execPath, [SEMPRE, "protection", ...args, "--mano", rig.url])).stdout;
  expect(await cli("show", "media-relay")).toContain(`not ready:\n  ${words}`);
  expect(await cli()).toContain(`yes, armed, but ${words}`);

  rig.vim.ports.set("uplink", { ...uplink, bfd: { protected: true } });
  look();
  await until("ready again", async () => (await group(rig)).isReady);
});

const [here, there] = ["here", "there"] as VimAccountId[] as [VimAccountId, VimAccountId];
const spread = {
  trafficNets: [{ netId: "t0" }],
  members: [
    { dataNet: "d-a", vimAccountId: here },
    { dataNet: "way-b", vimAccountId: there, away: { homeNet: "d-b" } },
  ],
} as unknown as ProtectionGroup;
const portIn = (network_id: string, bfd: { protected: boolean; why?: string } | null) =>
  linkPortOf({ id: network_id, name: network_id, status: "ACTIVE", network_id, "binding:switch_port": "p1", bfd });
const slow = { protected: false, why: SLOW };
const namesIn = (vim: VimAccountId, nets: readonly string[], bfd: Parameters<typeof portIn>[1] = slow) =>
  slowLinks(spread, { nets: new Map(), ports: nets.map((n) => portIn(n, bfd)) } as unknown as Inventory, vim, here).map(
    (w) => /port (\S+)/.exec(w)?.[1],
  );

test("a link on a host whose loss the tunnels to it would not find in time; its own BFD is told first", () => {
  const why = (bfd: { protected: boolean; why?: string }, tunnel_bfd: typeof bfd) =>
    linkPortOf({ id: "p", name: "p", status: "ACTIVE", bfd, tunnel_bfd }).bfdWhyNot;
  const tunnel = { protected: false, why: "the tunnel is slow" };
  expect([why({ protected: true }, tunnel), why(slow, tunnel)]).toEqual([tunnel.why, SLOW]);
});

test("of each VIM the links that its traffic takes there, and no other", () => {
  const all = ["t0", "d-a", "way-b", "d-b", "elsewhere"];
  expect(namesIn(here, all)).toEqual(["t0", "d-a", "way-b"]);
  expect(namesIn(there, all)).toEqual(["d-b"]);
  expect([namesIn(here, all, { protected: true }), namesIn(here, all, null)]).toEqual([[], []]);
});
