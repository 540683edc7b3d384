import { mkdtempDisposableSync } from "node:fs";
import { type AddressInfo, connect as connectTo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { placeOf, VimNets } from "../../src/mano/vim-nets.ts";
import { startVim } from "../../src/vim.ts";
import { askAt, openmanoRig } from "../openmano/rig.ts";
import { example, NETS, Rig, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

// Two accounts of one VIM: what one has in use there is not given to the other, by whichever address the VIM is reached (decision 0080).

const account = (id: string, url: string, vimId: string | null = null, tenant = "default") =>
  [id, { account: { id, name: id, url, adminUrl: url, tenant }, lastSeen: vimId && { vimId } }] as never;
const isOneVim = (a: [string, string | null], b: [string, string | null]) =>
  new VimNets(new Map([account("a", ...a), account("b", ...b)])).isOneVim("a" as never, "b" as never);

test("one address is one VIM however it is written, and one VIM says so itself at several", () => {
  const url = "http://vim.example:9080/openvim";
  for (const same of ["HTTP://VIM.Example:9080/openvim/", "http://vim.example.:9080/openvim"])
    expect([same, isOneVim([url, null], [same, null])]).toEqual([same, true]);
  const here = ["127.0.0.1", "127.9.9.9", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"];
  expect(new Set(here.map((h) => placeOf(`http://${h}:9080/openvim`).onLoopback)).size).toBe(1);
  expect(placeOf("http://[::ffff:10.0.0.1]:9080/openvim").onLoopback).toBeNull();
  for (const other of ["http://vim.example:9081/openvim", "http://vim2.example:9080/openvim", "http://127.0.0.1:9080/openvim"])
    expect([other, isOneVim([url, null], [other, null])]).toEqual([other, null]);
  expect(isOneVim([url, "aa"], ["http://10.0.0.1/openvim", "aa"])).toBe(true);
  expect(isOneVim([url, "aa"], ["http://10.0.0.1/openvim", "bb"])).toBe(false);
  expect(isOneVim([url, "aa"], ["http://10.0.0.1/openvim", null])).toBeNull();
  // Two that listen at two addresses of the loopback are two, where they say so.
  expect(isOneVim(["http://127.0.0.1:1/v", "aa"], ["http://127.0.0.2:1/v", "bb"])).toBe(false);
});

/** Another address of what listens at this port. */
async function relayTo(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const open = new Set<{ destroy(): unknown }>();
  const server = createServer((near) => {
    const far = connectTo(port, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => {
      for (const one of open) one.destroy();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
}

const FILE = example("media-relay.yaml");
const NET_NAMES = ["media_net", "data_net0", "data_net1", "traffic_net0", "traffic_net1"];
const netOf = (i: number) => ({ id: `1d1e0a00-0000-4000-8000-00000000000${i}`, name: NET_NAMES[i]!, type: "data", shared: true });

test("a net in use through one account is refused to another of the same VIM at another address, and not in another VIM", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "sempre-one-vim-"));
  await using rig = await openmanoRig({ packages: { dir: dir.path } });
  const apart = parseConfig({ vim: { mode: "test", store: ":memory:", listen: { port: 0, adminPort: 0 } } }).vim!;
  await using second = await startVim(apart, { clock: systemClock, log: silent });
  const [vimPort, adminPort] = [rig.vimUrl, rig.vimAdminUrl].map((u) => Number(new URL(u).port)) as [number, number];
  await using relay = await relayTo(vimPort);
  const urlOf = (host: string, port: number) => `http://${host}:${port}/openvim`;
  const calledBy = async (url: string) => (await fetch(url)).headers.get("sempre-vim");
  const name = await calledBy(`${rig.vimUrl}/`);
  expect(name).toMatch(/^[0-9a-f]{32}$/);
  expect(await calledBy(`${rig.vimAdminUrl}/`)).toBe(name);
  expect(await calledBy(`${urlOf("127.0.0.1", second.port)}/`)).not.toBe(name);

  const ok = async (url: string, body: object) => {
    const { status, text, body: answer } = await askAt(url, "POST", body);
    expect([url, status, text]).toEqual([url, expect.toBeOneOf([200, 201]), text]);
    return answer;
  };
  const tenant = (await rig.atVim("GET", "/tenants?name=default")).body.tenants[0].id;
  await ok(`${rig.vimAdminUrl}/${tenant}/images`, { image: { name: "media-relay", path: "/nowhere/image.qcow2" } });
  await ok(`${rig.vimAdminUrl}/${tenant}/flavors`, { flavor: { name: "media-relay", ram: 64, vcpus: 1 } });
  for (const at of [rig.vimAdminUrl, urlOf("127.0.0.1", second.adminPort)])
    for (const i of NET_NAMES.keys()) await ok(`${at}/networks`, { network: netOf(i) });
  const ways = {
    first: ["127.0.0.1", vimPort],
    alias: ["localhost", vimPort],
    relay: ["127.0.0.1", relay.port],
    second: ["127.0.0.1", second.port],
  } as const;
  for (const [name, [host, port]] of Object.entries(ways))
    await ok(`${rig.manoUrl}/mano/v1/vims`, { name, url: urlOf(host, port), adminUrl: urlOf(host, adminPort) });

  const onboarded = await askAt(`${rig.manoUrl}/mano/v1/descriptors`, "POST", FILE, { "content-type": "text/plain" });
  const nsdId = onboarded.body.find((d: { kind: string }) => d.kind === "nsd").id;
  const nsOf = async (nsName: string) => {
    const made = await ok(`${rig.manoUrl}/mano/v1/ns_instances`, { nsdId, nsName, vimAccountId: nsName });
    return `${rig.manoUrl}/mano/v1/ns_instances/${made.id}`;
  };
  const first = await nsOf("first");
  expect((await askAt(`${first}/instantiate`, "POST")).status).toBeLessThan(300);
  const inUse = /NS first has .*data_net0, data_net1.* in use/;
  for (const name of ["alias", "relay"]) {
    const ns = await nsOf(name);
    const asked = await askAt(`${ns}/instantiate`, "POST");
    // Where the VIM was not looked at through this account yet, it turns out when it is.
    if (asked.status < 300) await until(`${name} failed`, async () => (await askAt(ns, "GET")).body.state === "FAILED");
    const said = asked.status < 300 ? (await askAt(ns, "GET")).body.detail : asked.body.detail;
    expect([name, said]).toEqual([name, expect.stringMatching(inUse)]);
  }
  const elsewhere = await nsOf("second");
  await until("the second VIM has nets of its own", async () => {
    const { status, text } = await askAt(`${elsewhere}/instantiate`, "POST");
    if (status !== 409) expect([status, text]).toEqual([expect.toBeOneOf([200, 202]), text]);
    return status !== 409;
  });
  expect((await askAt(first, "GET")).body.state).not.toBe("FAILED");
});

test("what was accepted while the VIM was not to be seen gets no net that another has: who was created first keeps it", async () => {
  const vim = await new ToyVim(NETS).start();
  await vim.stop();
  await using rig = new Rig(vim);
  await rig.startMano();
  const first = await rig.create();
  const byIds = FILE.replaceAll(/- id: (media-relay|media)$/gm, "- id: $1-by-ids")
    .replaceAll("vnfd: media-relay", "vnfd: media-relay-by-ids")
    .replaceAll(/(data_net|traffic_net): (\[?)(data|traffic)_/g, "$1: $2id-$3_");
  const { body } = await rig.onboard(byIds);
  const nsd = body.find((d: { kind: string }) => d.kind === "nsd");
  const made = await rig.ask("POST", "/mano/v1/ns_instances", { nsdId: nsd.id, nsName: "by-ids" });
  for (const id of [made.body.id, first])
    expect((await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`)).status).toBeLessThan(300);
  await vim.start();
  const at = async (id: string) => (await rig.ask("GET", `/mano/v1/ns_instances/${id}`)).body;
  await until("the later one is refused", async () => (await at(made.body.id)).state === "FAILED");
  expect((await at(made.body.id)).detail).toMatch(/NS media has .*data_net0, data_net1.* in use/);
  await until(
    "the first has its servers",
    () =>
      [...vim.servers.values()]
        .map((s) => s.name)
        .sort()
        .join() === "media-relay-a,media-relay-b",
  );
});
