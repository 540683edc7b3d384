import { expect, test } from "vitest";
import { differences } from "../../src/mano/fitting.ts";
import type { CloudConfig } from "../../src/model/cloud-config.ts";
import type { Inventory, ServerSpec } from "../../src/vimconn/connector.ts";

/** In words, what of a machine is not as an NS would have made it. How that is refused: sol-take-in.test.ts. */
const SPEC = { image: "i", flavor: "f", nics: [], kernelCmdline: null } as Partial<ServerSpec> as ServerSpec;
const SEEN = { nets: new Map() } as Partial<Inventory> as Inventory;
const between = (is: Partial<ServerSpec>, wanted: Partial<ServerSpec>) =>
  differences({ ...SPEC, ...is }, { ...SPEC, ...wanted }, SEEN);

test("that cloud-init data is other is told, and nothing of what it says", () => {
  const saying = (password: string): CloudConfig => ({
    ...{ keyPairs: [], users: [], configFiles: [] },
    userData: [`#cloud-config\npassword: ${password}\n`],
  });
  const [mine, theirs] = [saying("hunter2"), saying("swordfish")];
  expect(between({ cloudConfig: mine }, { cloudConfig: mine })).toEqual([]);
  const told = between({ cloudConfig: mine, image: "j" }, { cloudConfig: theirs });
  expect(told).toEqual(['its image is "j", not "i"', "its cloud-init data is other"]);
  expect(between({}, { cloudConfig: theirs })).toEqual(["its cloud-init data is other"]);
});
