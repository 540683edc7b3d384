import { join } from "node:path";
import { expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { ensureGuestImage, GUEST_CACHE, GUEST_MEMORY_MIB, guestCmdline } from "../../src/lab/image.ts";
import { client, nowMs, startDaemon, startRig, subscribe, until } from "./rig.ts";

test("a booting guest's port is BUILD until the guest answers a probe, after every start anew", async () => {
  const guest = await ensureGuestImage(join(import.meta.dirname, "../..", GUEST_CACHE));
  await using rig = await startRig();
  const daemon = await startDaemon(rig.config(0));
  try {
    await rig.ovs.setControllers(`tcp:${rig.ovs.outside}:${daemon.openflowPort}`);
    const ask = client(daemon.port);
    const tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
    const create = async (path: string, key: string, value: object) => (await ask("POST", path, { [key]: value })).body[key];
    const flavor = await create(`/${tenant}/flavors`, "flavor", { name: "relay", ram: GUEST_MEMORY_MIB, vcpus: 1 });
    const image = await create(`/${tenant}/images`, "image", {
      name: "relay",
      path: guest.initrd,
      metadata: { kernel: guest.kernel },
    });
    const media = await create("/networks", "network", { name: "media" });
    const data = await create("/networks", "network", { name: "data", type: "data" });
    const heard = await subscribe(daemon.port);
    const { id } = await create(`/${tenant}/servers`, "server", {
      name: "relay-a",
      flavorRef: flavor.id,
      imageRef: image.id,
      kernel_cmdline: guestCmdline({
        mediaIp: "10.61.0.11/24",
        serviceIp: "10.62.0.100/24",
        serviceMac: "02:00:00:00:0a:0a",
        mediaGroup: "239.5.0.4",
        mediaPort: 5004,
        markerPort: 6001,
      }),
      networks: [
        { uuid: media.id, name: "eth0" },
        { uuid: data.id, name: "eth1", ip_address: "10.62.0.100" },
      ],
    });
    const [port] = (await ask("GET", `/ports?device_id=${id}&name=eth1`)).body.ports;
    const told = () => heard.events.flatMap((e) => (e.type === "port.status" && e.portId === port.id ? [e.status] : []));
    const answers = () => heard.events.filter((e) => e.type === "evidence" && e.evidence.source === "arpProbe");

    await until("the guest answers", () => told().includes("ACTIVE"));
    expect(told()).toEqual(["BUILD", "ACTIVE"]);
    expect(answers()).toHaveLength(1);

    process.kill((await findQemu(id))!.pid, "SIGKILL");
    await until("DOWN", () => told().length === 3);
    const at = nowMs();
    await ask("POST", `/${tenant}/servers/${id}/action`, { start: null });
    await until("it answers again", () => told().length === 5);
    expect(told()).toEqual(["BUILD", "ACTIVE", "DOWN", "BUILD", "ACTIVE"]);
    expect(answers()).toHaveLength(2);
    console.log(`start of a guest to its first answer: ${Math.round(nowMs() - at)} ms`);
    heard.close();
  } finally {
    await daemon.kill("SIGKILL");
  }
});
