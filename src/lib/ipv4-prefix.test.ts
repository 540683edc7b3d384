import { expect, test } from "vitest";
import { bitsOf, maskOf, prefixIn, prefixOf, prefixText } from "./ipv4-prefix.ts";

test("an address is a prefix of 32 bits, and is written without them", () => {
  expect(prefixIn("10.0.0.7")).toEqual({ ip: "10.0.0.7", bits: 32 });
  expect(prefixText("10.0.0.7", 32)).toBe("10.0.0.7");
  expect(prefixText("10.0.0.0", 24)).toBe("10.0.0.0/24");
});

test("a prefix is without what an address in it has beyond", () => {
  expect(prefixOf("10.255.7.9/12")).toBe("10.240.0.0/12");
  expect(prefixOf("10.0.0.7/32")).toBe("10.0.0.7");
  expect(prefixOf("200.1.2.3/1")).toBe("128.0.0.0/1");
});

test("each length has its mask, and no other mask has one", () => {
  for (let bits = 0; bits <= 32; bits++) expect(bitsOf(maskOf(bits))).toBe(bits);
  expect([maskOf(0), maskOf(1), maskOf(25), maskOf(32)]).toEqual(["0.0.0.0", "128.0.0.0", "255.255.255.128", "255.255.255.255"]);
  expect(bitsOf("255.0.255.0")).toBeUndefined();
});
