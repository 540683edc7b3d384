import { expect, test } from "vitest";
import { FlavourBed } from "./flavoured.ts";

// Deployment flavours that are chosen at instantiation (SOL003 5.4.4, SOL005 6.4.4).

test("an NS is made in the flavour that is asked for, shows it, and begins anew in another", async () => {
  await using bed = await FlavourBed.ofNs("busy");
  expect(bed.machines()).toEqual(["relay-3", "relay-a", "relay-b"]);
  expect((await bed.sol.ask("GET", bed.ns)).body).toMatchObject({
    flavourId: "busy",
    vnfInstance: [{ instantiatedVnfInfo: { flavourId: "pool" } }],
  });
  expect(await bed.info()).toMatchObject({ flavourId: "pool" });
  expect(await bed.whenReady()).toMatchObject({ scheme: "N_PLUS_M" });

  // After a restart it is what it was.
  await bed.rig.stopMano();
  await bed.rig.startMano();
  expect((await bed.sol.ask("GET", bed.ns)).body.flavourId).toBe("busy");

  await bed.ended(await bed.begin(`${bed.ns}/terminate`, {}), "COMPLETED");
  const refused = await bed.sol.ask("POST", `${bed.ns}/instantiate`, { nsFlavourId: "none" });
  expect(refused).toMatchObject({ status: 422, body: { detail: expect.stringContaining("it has default, busy") } });
  await bed.ended(await bed.begin(`${bed.ns}/instantiate`, { nsFlavourId: "default" }), "COMPLETED");
  expect(bed.machines()).toEqual(["relay-a", "relay-b"]);
  expect((await bed.sol.ask("GET", bed.ns)).body.flavourId).toBe("default");
});

test("a VNF by itself is made in the flavour that is asked for; one that there is not is refused with those there are", async () => {
  await using bed = await FlavourBed.sole("pool");
  expect(bed.machines()).toEqual(["relay-3", "relay-a", "relay-b"]);
  expect(await bed.info()).toMatchObject({ flavourId: "pool" });
  await bed.ended(await bed.begin(`${bed.vnf}/terminate`, { terminationType: "FORCEFUL" }), "COMPLETED");
  const refused = await bed.sol.ask("POST", `${bed.vnf}/instantiate`, { flavourId: "none", extVirtualLinks: [] });
  expect(refused).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining("it has default, large, pool, others") },
  });
});
