import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { example, until } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// An NS whose link gives addresses of IPv6, in a VIM of ours, whose machines are states in its process.

test("an NS with a link of IPv6: its net is made with it, its VNFC gets an address, and what is shown says so", async () => {
  await using bed = await solVimBed();
  const { sol, ok } = bed;
  const file = parse(example("sol006/single.yaml"));
  file.nfv.nsd[0].df[0]["virtual-link-profile"][0]["virtual-link-protocol-data"] = [
    {
      "associated-layer-protocol": "ipv6",
      "l3-protocol-data": {
        "ip-version": "ipv6",
        cidr: "fd00:0:0:1::/64",
        "gateway-ip": "fd00:0:0:1::1",
        "ip-allocation-pools": [{ "start-ip-address": "fd00:0:0:1::10", "end-ip-address": "fd00:0:0:1::1f" }],
      },
    },
  ];
  await bed.onBoard(stringify(file));

  const NS = "/nslcm/v2/ns_instances";
  const [nsd] = (await sol.askUnchecked("GET", "/mano/v1/descriptors", undefined, { version: "" })).body.filter(
    (d: { kind: string }) => d.kind === "nsd",
  );
  const made = await sol.ask("POST", NS, { nsdId: nsd.id, nsName: "six", nsDescription: "" });
  expect(made.status).toBe(201);
  await bed.done(`${NS}/${made.body.id}`, "instantiate", { nsFlavourId: "default" });

  const [net] = (await ok("GET", "/networks?name=six-media_net")).networks;
  expect((await ok("GET", `/networks/${net.id}`)).network).toMatchObject({
    cidr: "fd00:0:0:1::/64",
    enable_dhcp: true,
    gateway_ip: "fd00:0:0:1::1",
    dhcp_first_ip: "fd00:0:0:1::10",
    dhcp_last_ip: "fd00:0:0:1::1f",
  });
  const ports = (await ok("GET", `/ports?network_id=${net.id}`)).ports;
  expect(ports.map((p: { ip_address: string }) => p.ip_address)).toEqual(["fd00:0:0:1::11"]); // The first is the server's own.
  const terminated = await sol.ask("POST", `${NS}/${made.body.id}/terminate`, {});
  expect(terminated.status).toBe(202);
  await until("its net is gone", async () => (await ok("GET", "/networks?name=six-media_net")).networks.length === 0);
});
