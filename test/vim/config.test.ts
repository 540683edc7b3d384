import { expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";

const HOST = { name: "a", libvirtSocket: "/l/a", runDir: "/r/a" };
const VIM = { store: "/tmp/vim.db", bridge: "br0", runDir: "/tmp/run" };

test("defaults are filled in", () => {
  expect(parseConfig({ vim: VIM, mano: { store: "m.db" } })).toEqual({
    vim: {
      ...VIM,
      listen: { host: "127.0.0.1", port: 9080, adminHost: "127.0.0.1", adminPort: 9085, allowPlainHttp: false },
      auth: { onLoopback: "open", beyondLoopback: "tokens" },
      openflow: { host: "127.0.0.1", port: 6653 },
      libvirtSocket: "/run/libvirt/libvirt-sock",
      linkBridges: [],
      callbacks: { allow: [], secretsOverHttp: false },
      hosts: [],
      images: { folders: [], mibMax: 65_536 },
      heartbeat: { everyMs: 1000, asks: 5 },
      ovsdb: "unix:/run/openvswitch/db.sock",
      vlanRange: { first: 3000, last: 4094 },
      realTimePriority: 0,
      mode: "normal",
    },
    mano: {
      auth: { onLoopback: "open", beyondLoopback: "tokens", accessTokenSeconds: 3_600 },
      callbacks: { allow: [], secretsOverHttp: false },
      packages: { allow: [], mibMax: 10_240 },
      listPageSize: 100,
      readyWithinMs: 60_000,
      retention: { days: 365, records: 50_000 },
      performance: { thresholdSeconds: 10 },
      ...{
        store: "m.db",
        listen: { host: "127.0.0.1", port: 9090, allowPlainHttp: false },
        mode: "push",
        pollIntervalMs: 1000,
        vims: [],
        links: [],
      },
      realTimePriority: 0,
    },
  });
});

const LINK = {
  ends: [
    { vim: "a", switchPort: "p1" },
    { vim: "b", switchPort: "p2" },
  ],
  vlans: { first: 100, last: 199 },
};

//  what is in the file                                   → what the message says
for (const [raw, says] of [
  [
    { vim: { ...VIM, bridge: undefined } },
    "config.vim.bridge: want the name of the switch bridge that data nets live on, got nothing",
  ],
  [{ vim: { ...VIM, brigde: "br0" } }, "config.vim.brigde: no such setting; there are listen, openflow, store"],
  [{ vim: { ...VIM, listen: { port: 70000 } } }, "config.vim.listen.port: want a TCP port, 0..65535, got 70000"],
  [{ vim: { ...VIM, mode: "pretend" } }, 'config.vim.mode: want "normal" or "test", got "pretend"'],
  [{ vim: { ...VIM, accel: "xen" } }, 'config.vim.accel: want "kvm" or "tcg"; leave it out to have it found out, got "xen"'],
  [{ vim: { ...VIM, ovsdb: "/run/db.sock" } }, "config.vim.ovsdb: want the switch's database, unix:PATH or tcp:HOST:PORT, got"],
  [{ vim: { ...VIM, vlanRange: { first: 9, last: 3 } } }, "config.vim.vlanRange: want first <= last, got 9 > 3"],
  [
    { mano: { store: "m", realTimePriority: 100 } },
    "config.mano.realTimePriority: want a real-time priority (SCHED_FIFO), 1..99",
  ],
  [{ mano: { store: "m", mode: "pull" } }, 'config.mano.mode: want "push" or "poll", got "pull"'],
  [
    { mano: { store: "m", vims: [{ name: "a", url: "ftp://x", adminUrl: "http://y" }] } },
    "config.mano.vims.0.url: want the VIM's API",
  ],
  [{ vim: { ...VIM, hosts: [{ name: "a" }] } }, "config.vim.hosts.0.runDir: want a folder of its own for monitor sockets"],
  [
    { vim: { ...VIM, hosts: [HOST, { ...HOST, name: "b", runDir: "/r/b" }] } },
    "config.vim.hosts.1.libvirtSocket: want one of its own, got /l/a, which is that of hosts.0",
  ],
  [
    { vim: { ...VIM, hosts: [{ ...HOST, ovsdb: "unix:/o/a" }] } },
    "config.vim.tunnelIp: want an IPv4 address, since a host has a switch",
  ],
  [
    { vim: { ...VIM, tunnelIp: "10.0.0.1", hosts: [{ ...HOST, ovsdb: "unix:/o/a" }] } },
    "config.vim.hosts.0.tunnelIp: want an IPv4 address",
  ],
  [
    { vim: { ...VIM, tunnelIp: "10.0.0.1", hosts: [{ ...HOST, ovsdb: "unix:/o/a", tunnelIp: "10.0.0.1" }] } },
    "config.vim.hosts.0.tunnelIp: want one of its own, got 10.0.0.1, which is that of config.vim",
  ],
  [
    { vim: { ...VIM, ovsdb: "unix:/o", tunnelIp: "10.0.0.1", hosts: [{ ...HOST, ovsdb: "unix:/o", tunnelIp: "10.0.0.2" }] } },
    "config.vim.hosts.0.ovsdb: want a switch of its own, got unix:/o",
  ],
  [{ vim: { ...VIM, heartbeat: { asks: 0 } } }, "config.vim.heartbeat.asks: want unanswered questions in a row, 1..100, got 0"],
  [
    { vim: { ...VIM, callbacks: { allow: ["10.0.0.0/33"] } } },
    "config.vim.callbacks.allow.0: 10.0.0.0/33 is no range of addresses",
  ],
  [
    { vim: { ...VIM, listen: { host: "0.0.0.0" } } },
    "config.vim.listen.tls: want a certificate and key, since host 0.0.0.0 is beyond loopback",
  ],
  [{ vim: { ...VIM, listen: { adminHost: "10.0.0.1" } } }, "since adminHost 10.0.0.1 is beyond loopback; or set allowPlainHttp"],
  [
    { mano: { store: "m", listen: { host: "::" } } },
    "config.mano.listen.tls: want a certificate and key, since host :: is beyond loopback",
  ],
  [
    { vim: { ...VIM, listen: { tls: { cert: "c" } } } },
    "config.vim.listen.tls.key: want the path of its key in PEM, got nothing",
  ],
  [{ vim: { ...VIM, auth: { onLoopback: "closed" } } }, 'config.vim.auth.onLoopback: want "open" or "tokens", got "closed"'],
  [
    { mano: { store: "m", vims: [{ name: "a", url: "http://x", adminUrl: "http://y", certFile: "c" }] } },
    "config.mano.vims.0: want certFile and keyFile together, or neither",
  ],
  [
    { mano: { store: "m", links: [LINK, { ...LINK, ends: [LINK.ends[0]] }] } },
    "config.mano.links.1.ends: want a list of two ends, got",
  ],
  [
    { mano: { store: "m", links: [{ ...LINK, ends: [LINK.ends[0], LINK.ends[0]] }] } },
    "config.mano.links.0.ends: want two VIMs, got a twice",
  ],
  [
    { mano: { store: "m", links: [{ ...LINK, vlans: { first: 9, last: 3 } }] } },
    "config.mano.links.0.vlans: want first <= last, got 9 > 3",
  ],
  [{ mano: 3 }, "config.mano: want an object, got 3"],
  [[], "config: want an object with vim, mano or both, got []"],
] as const) {
  test(`refused: ${says}`, () => expect(() => parseConfig(JSON.parse(JSON.stringify(raw)))).toThrow(says));
}

test("test mode needs no bridge and no folder, and takes what is given", () => {
  expect(parseConfig({ vim: { mode: "test", store: "v.db" } }).vim).toMatchObject({ mode: "test", store: "v.db" });
  expect(parseConfig({ vim: { mode: "test", store: "v.db", bridge: "br9" } }).vim).toMatchObject({ bridge: "br9" });
  expect(() => parseConfig({ vim: { mode: "test" } })).toThrow("config.vim.store: want the path of the VIM's SQLite file");
});

test("beyond loopback with certificates, or where plain http is asked for in so many words", () => {
  const tls = { cert: "/c", key: "/k" };
  expect(parseConfig({ vim: { ...VIM, listen: { host: "0.0.0.0", tls } } }).vim!.listen.tls).toEqual(tls);
  expect(parseConfig({ mano: { store: "m", listen: { host: "::", allowPlainHttp: true } } }).mano!.listen.host).toBe("::");
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "localhost"]) parseConfig({ vim: { ...VIM, listen: { host } } });
});

test("all mistakes are told at once", () => {
  expect(() => parseConfig({ vim: { ...VIM, store: 1, runDir: "" } })).toThrow(/config\.vim\.store.*config\.vim\.runDir/);
});
