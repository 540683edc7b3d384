import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import {
  type Ask,
  client,
  type Daemon,
  nowMs,
  type Rig,
  type Subscriber,
  startDaemon,
  startRig,
  subscribe,
  until,
} from "./rig.ts";

const run = promisify(execFile);

let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let admin: Ask;
let tenant: string;
const nets: Record<string, string> = {};

async function start(openflowPort: number): Promise<void> {
  daemon = await startDaemon(rig.config(openflowPort));
  ask = client(daemon.port);
  admin = client(daemon.adminPort);
}

const connected = () =>
  until("the switch is connected", async () => Object.keys((await ask("GET", "/networks/openflow/ports")).body.ports).length > 0);

beforeAll(async () => {
  rig = await startRig();
  await start(0);
  await rig.ovs.setControllers(`tcp:${rig.ovs.outside}:${daemon.openflowPort}`);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  for (const [name, port] of Object.entries({ traffic0: "va", traffic1: "vb", data0: "swa", data1: "swb" })) {
    const network = { name, type: "data", "provider:physical": `openflow:${port}` };
    nets[name] = (await ask("POST", "/networks", { network })).body.network.id;
  }
  await connected();
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

/** Where a packet that enters `port` leaves, by the switch's own word. */
async function leavesAt(port: string): Promise<string> {
  const no = (await ask("GET", "/networks/openflow/ports")).body.ports[port];
  const trace = await rig.ovs.trace(`in_port=${no},dl_dst=00:00:00:00:00:99`);
  return /Datapath actions: (.*)/.exec(trace)![1]!;
}
const dpPort = async (name: string) => {
  const shown = await rig.ovs.appctl("dpif/show");
  return new RegExp(`^\\s+${name} \\d+/(\\d+)`, "m").exec(shown)![1]!;
};
const flows = () => rig.ovs.ofctl("dump-flows", "br0", "cookie=0x534d505200000000/0xffffffff00000000");

describe("binds", () => {
  test("a bind leads packets, and moving it moves them", async () => {
    const first = await ask("PUT", `/networks/${nets.traffic0}/${nets.data0}`);
    expect(first.status).toBe(200);
    expect(first.body.network.bind_net).toBe(nets.data0);
    expect(first.body.applied.barrier_mono_ms).toBeGreaterThanOrEqual(first.body.applied.on_wire_mono_ms);
    expect(await leavesAt("va")).toBe(await dpPort("swa"));
    const moved = await ask("PUT", `/network/${nets.traffic0}/${nets.data1}`);
    expect(moved.body.applied.changes).toBeGreaterThan(0);
    expect(await leavesAt("va")).toBe(await dpPort("swb"));
    expect((await ask("GET", `/networks/${nets.data1}/bind`)).body).toEqual({ bind_id: [{ uuid: nets.traffic0 }] });
  });

  test("two nets bound to one: both are served, and the way back leads to both", async () => {
    await ask("PUT", `/networks/${nets.traffic1}/${nets.data1}`);
    expect(await leavesAt("vb")).toBe(await dpPort("swb"));
    const back = (await leavesAt("swb")).split(",");
    expect(back.sort()).toEqual([await dpPort("va"), await dpPort("vb")].sort());
  });

  test("the same bind again changes nothing", async () => {
    expect((await ask("PUT", `/networks/${nets.traffic0}/${nets.data1}`)).body.applied.changes).toBe(0);
  });

  for (const [what, a, b, status, says] of [
    ["itself", "data0", "data0", 400, "cannot be bound to itself"],
    ["one that is bound itself", "data0", "traffic0", 409, "binds do not chain"],
    ["anything, where something is bound to it", "data1", "data0", 409, "binds do not chain"],
  ] as const) {
    test(`a net is not bound to ${what}`, async () => {
      const reply = await ask("PUT", `/networks/${nets[a]}/${nets[b]}`);
      expect([reply.status, reply.body.error.description]).toEqual([status, expect.stringContaining(says)]);
    });
  }

  test("unbinding takes the way away", async () => {
    await ask("DELETE", `/networks/${nets.traffic1}/delete`);
    expect(await leavesAt("vb")).toBe("drop");
  });

  test("clear empties the switch until something changes; reinstall fills it", async () => {
    expect((await ask("DELETE", "/networks/clear/openflow")).status).toBe(401);
    await admin("DELETE", "/networks/clear/openflow");
    await sleep(200);
    expect(await flows()).not.toMatch(/priority/);
    await admin("PUT", "/networks/all/openflow");
    expect(await leavesAt("va")).toBe(await dpPort("swb"));
  });

  test("a second comparison finds nothing to change: durations go on", async () => {
    await sleep(1_100);
    await admin("PUT", "/networks/all/openflow");
    for (const [, seconds] of (await flows()).matchAll(/duration=([\d.]+)s/g)) expect(Number(seconds)).toBeGreaterThan(1);
  });

  test("entries that somebody broke come back when the switch is compared", async () => {
    await rig.ovs.ofctl("del-flows", "br0");
    await admin("PUT", "/networks/all/openflow");
    expect(await leavesAt("va")).toBe(await dpPort("swb"));
  });

  test("a restart of the daemon touches no entry", async () => {
    await sleep(1_000);
    const port = daemon.openflowPort;
    await daemon.kill("SIGTERM"); // It waits for nobody who is connected, or this never ends: our client and the switch stay.
    await start(port);
    await connected();
    await sleep(300);
    for (const [, seconds] of (await flows()).matchAll(/duration=([\d.]+)s/g)) expect(Number(seconds)).toBeGreaterThan(1);
    expect((await ask("GET", `/networks/${nets.data1}/bind`)).body).toEqual({ bind_id: [{ uuid: nets.traffic0 }] });
  });

  test("ports in use are told with the setting to change", async () => {
    const config = rig.config(0);
    const taken = { ...config, listen: { ...config.listen, port: daemon.port } };
    const { startVim } = await import("../../src/vim.ts");
    const { systemClock } = await import("../../src/lib/clock.ts");
    const { silent } = await import("../../src/lib/log.ts");
    const other = { ...taken, store: `${rig.dir}/other.db` };
    await expect(startVim(other, { clock: systemClock, log: silent })).rejects.toThrow(/is in use: .*config\.vim\.listen\.port/);
  });
});

describe("servers", () => {
  let flavorRef: string;
  let imageRef: string;
  let server: { id: string; networks: { iface_id: string }[] };
  let heard: Subscriber;

  beforeAll(async () => {
    flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "tiny", ram: 16, vcpus: 1 } })).body.flavor.id;
    imageRef = (await ask("POST", `/${tenant}/images`, { image: { name: "empty", path: rig.imagePath } })).body.image.id;
    heard = await subscribe(daemon.port);
  });

  const statusIs = (wanted: string) =>
    until(`status ${wanted}`, async () => {
      const { status, last_error } = (await ask("GET", `/${tenant}/servers/${server.id}`)).body.server;
      if (status === "ERROR" && wanted !== "ERROR") throw new Error(last_error);
      return status === wanted;
    });
  const statusesTold = () =>
    heard.events.flatMap((e) => (e.type === "server.status" && e.serverId === server.id ? [e.status] : []));
  const act = (action: object) => ask("POST", `/${tenant}/servers/${server.id}/action`, action);

  test("a server is created, plugged in and runs", async () => {
    const own = (await ask("POST", "/networks", { network: { name: "own", type: "data" } })).body.network;
    const management = (await ask("POST", "/networks", { network: { name: "man" } })).body.network;
    const networks = [
      { uuid: own.id, name: "eth1" },
      { uuid: management.id, name: "eth0" },
    ];
    const reply = await ask("POST", `/${tenant}/servers`, { server: { name: "vm1", flavorRef, imageRef, networks } });
    expect([reply.status, reply.body.server?.status]).toEqual([200, "CREATING"]);
    server = reply.body.server;
    await statusIs("ACTIVE");
    const [port] = (await ask("GET", `/ports?device_id=${server.id}&name=eth1`)).body.ports;
    expect(port).toMatchObject({ device_owner: "instance:data", "binding:switch_port": expect.stringMatching(/^tap.{11}$/) });
    await until("its port is up", async () => (await ask("GET", `/ports/${port.id}`)).body.port.status === "ACTIVE");
    expect(await rig.ovs.vsctl("list-ports", "br0")).toContain(port["binding:switch_port"]);
  });

  test("what it has taken of its host is told", async () => {
    const used = async () =>
      (await ask("GET", "/usage")).body.usage.find((u: { server_id: string }) => u.server_id === server.id);
    const before = await until("it is told", async () => {
      const now = await used();
      return now?.cpu_ms > 0 && now.resident_mib > 0 && now;
    });
    expect(before).toMatchObject({ name: "vm1", run: expect.any(String), vcpus: 1, memory_mib: 16 });
    const after = await until("it is read again", async () => {
      const now = await used();
      return now?.read_mono_ms > before.read_mono_ms && now;
    });
    expect(after.run).toBe(before.run);
    expect(after.cpu_ms).toBeGreaterThanOrEqual(before.cpu_ms);
  });

  test("QEMU killed: every source tells it, INACTIVE told once, and nobody starts it again", async () => {
    heard.events.length = 0;
    const qemu = await findQemu(server.id as never);
    const killedAt = nowMs();
    process.kill(qemu!.pid, "SIGKILL");
    await statusIs("INACTIVE");
    const sources = () =>
      heard.events.flatMap((e) => (e.type === "evidence" ? [`${e.evidence.about.kind} ${e.evidence.source}`] : []));
    for (const source of ["server processExit", "port portStatus", "port ovsdb", "server libvirt"])
      await until(`${source} tells it`, () => sources().includes(source));
    const down = () => heard.events.flatMap((e) => (e.type === "port.status" ? [e.status] : []));
    await until("both its ports are told", () => down().length >= 2);
    await sleep(1_500);
    await heard.caughtUp();
    expect([statusesTold(), down()]).toEqual([["INACTIVE"], ["DOWN", "DOWN"]]);
    const seen = heard.events.flatMap((e) =>
      e.type === "evidence" ? [`${e.evidence.source} ${(e.heardAt - killedAt).toFixed(1)}`] : [],
    );
    console.log(`SIGKILL of QEMU, heard by a subscriber after ms: ${seen.join(", ")}`);
  });

  test("start, pause, resume, reboot, forceOff, each told once", async () => {
    heard.events.length = 0;
    await act({ start: null });
    await statusIs("ACTIVE");
    await act({ pause: null });
    await statusIs("PAUSED");
    await act({ resume: null });
    await statusIs("ACTIVE");
    await act({ forceOff: null });
    await statusIs("INACTIVE");
    await sleep(500);
    await heard.caughtUp();
    expect(statusesTold()).toEqual(["ACTIVE", "PAUSED", "ACTIVE", "INACTIVE"]);
  });

  test("asked of a server that is off, pause and resume change nothing and say why", async () => {
    for (const action of ["pause", "resume"]) {
      await act({ [action]: null });
      const seen = await until("it is told", async () => {
        const { status, last_error } = (await ask("GET", `/${tenant}/servers/${server.id}`)).body.server;
        return last_error?.startsWith(`${action}: `) && [status, last_error];
      });
      expect(seen).toEqual(["INACTIVE", expect.stringContaining("not running")]);
    }
  });

  test("killed and started again at once: it runs", async () => {
    await act({ start: null });
    await statusIs("ACTIVE");
    process.kill((await findQemu(server.id as never))!.pid, "SIGKILL");
    await statusIs("INACTIVE");
    await act({ start: null });
    await statusIs("ACTIVE");
    await sleep(1_000);
    await statusIs("ACTIVE");
    expect(await findQemu(server.id as never)).not.toBeNull();
  });

  test("a server that ended while no VIM ran is found by the next one", async () => {
    const port = daemon.openflowPort;
    await daemon.kill("SIGKILL");
    process.kill((await findQemu(server.id as never))!.pid, "SIGKILL");
    await sleep(500);
    await start(port);
    await statusIs("INACTIVE");
    heard = await subscribe(daemon.port, 0);
    await heard.caughtUp();
    expect(statusesTold()).not.toEqual([]);
    expect(heard.events.filter((e) => e.type === "vim.started").length).toBe(3);
    const seqs = heard.events.map((e) => e.seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(new Set(seqs).size).toBe(seqs.length);
  });

  test("a server that cannot start says why", async () => {
    const macvtap = (await ask("POST", "/networks", { network: { name: "mv", "provider:physical": "macvtap:em1" } })).body
      .network;
    const body = { server: { name: "vm2", flavorRef, imageRef, networks: [{ uuid: macvtap.id }] } };
    const { id } = (await ask("POST", `/${tenant}/servers`, body)).body.server;
    const failed = await until("ERROR", async () => {
      const { server: s } = (await ask("GET", `/${tenant}/servers/${id}`)).body;
      return s.status === "ERROR" && s;
    });
    expect(failed.last_error).toContain("em1"); // Which this host does not have, in libvirt's words.
    expect((await ask("POST", `/${tenant}/servers/${id}/action`, { start: null })).status).toBe(405);
    await ask("DELETE", `/${tenant}/servers/${id}?force=true`);
  });

  test("paused in the moment it is made: it is made, and stands paused", async () => {
    const { id } = (await ask("POST", `/${tenant}/servers`, { server: { name: "vm4", flavorRef, imageRef } })).body.server;
    await ask("POST", `/${tenant}/servers/${id}/action`, { pause: null });
    await until("PAUSED", async () => {
      const { status, last_error } = (await ask("GET", `/${tenant}/servers/${id}`)).body.server;
      if (status === "ERROR") throw new Error(last_error);
      return status === "PAUSED";
    });
    await ask("DELETE", `/${tenant}/servers/${id}?force=true`);
  });

  test("no host has room: the reason is told and nothing is left", async () => {
    const huge = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "huge", ram: 99_000_000, vcpus: 1 } })).body.flavor
      .id;
    const reply = await ask("POST", `/${tenant}/servers`, { server: { name: "vm3", flavorRef: huge, imageRef } });
    expect([reply.status, reply.body.error.description]).toEqual([
      400,
      expect.stringMatching(/^No room at data center\. Cannot find a host with 99000000 MB/),
    ]);
    expect((await ask("GET", `/${tenant}/servers?name=vm3`)).body.servers).toEqual([]);
  });

  test("a deleted server is gone from the host and the switch", async () => {
    const [port] = (await ask("GET", `/ports?device_id=${server.id}&name=eth1`)).body.ports;
    await ask("DELETE", `/${tenant}/servers/${server.id}?force=true`);
    expect((await ask("GET", `/${tenant}/servers/${server.id}`)).status).toBe(404);
    const tap = port["binding:switch_port"];
    await until("its tap is gone", async () => !(await run("ip", ["-n", rig.ovs.netns!, "-br", "link"])).stdout.includes(tap));
    expect(await rig.ovs.vsctl("list-ports", "br0")).not.toContain(tap);
    expect(await findQemu(server.id as never)).toBeNull();
  });
});

describe("durability", () => {
  test("kill -9 at random moments loses nothing that was acknowledged", async () => {
    const port = daemon.openflowPort;
    const made: string[] = [];
    let bound = nets.data1;
    for (let round = 0; round < 8; round++) {
      const killing = sleep(20 + Math.random() * 150).then(() => daemon.kill("SIGKILL"));
      try {
        for (;;) {
          const reply = await ask("POST", "/networks", {
            network: { name: `n${made.length}`, type: "bridge_data", "provider:physical": `bridge:b${round}-${made.length}` },
          });
          if (reply.status === 200) made.push(reply.body.network.id);
          const next = bound === nets.data0 ? nets.data1 : nets.data0;
          if ((await ask("PUT", `/networks/${nets.traffic0}/${next}`)).status === 200) bound = next;
        }
      } catch {
        await killing; // The connection broke: what was not answered may or may not be there.
      }
      await start(port);
      for (const id of made) expect((await ask("GET", `/networks/${id}`)).status).toBe(200);
      const now = (await ask("GET", `/networks/${nets.traffic0}`)).body.network.bind_net;
      expect([bound, bound === nets.data0 ? nets.data1 : nets.data0]).toContain(now);
      bound = now;
    }
    console.log(`kill -9: 8 rounds, ${made.length} acknowledged networks, none lost`);
    await connected();
    await until("the switch agrees", async () => (await leavesAt("va")) === (await dpPort(bound === nets.data0 ? "swa" : "swb")));
  });
});

test("how long a bind takes", async () => {
  await connected();
  const times: number[] = [];
  const wire: number[] = [];
  for (let i = 0; i < 250; i++) {
    const at = nowMs();
    const { body } = await ask("PUT", `/networks/${nets.traffic0}/${nets[i % 2 ? "data0" : "data1"]}`);
    if (i < 50) continue; // Warm-up.
    times.push(nowMs() - at);
    wire.push(body.applied.on_wire_mono_ms - at);
  }
  const stands = async () =>
    (await rig.ovs.ofctl("dump-flows", "--no-stats", "br0")) + (await rig.ovs.ofctl("dump-groups", "br0"));
  const left = await stands();
  await admin("PUT", "/networks/all/openflow");
  expect(await stands(), "what the binds left is what the whole picture asks for").toBe(left);
  const rank = (list: number[], p: number) => list.sort((a, b) => a - b)[Math.ceil(list.length * p) - 1]!.toFixed(2);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.process.pid}/status`, "utf8"))![1];
  console.log(
    `PUT bind, n=${times.length}: answered p50 ${rank(times, 0.5)} p99 ${rank(times, 0.99)} ms; on the wire p50 ${rank(wire, 0.5)} p99 ${rank(wire, 0.99)} ms after the request; RSS ${Math.round(Number(rss) / 1024)} MiB`,
  );
});
