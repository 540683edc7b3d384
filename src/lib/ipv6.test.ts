import { expect, test } from "vitest";
import {
  ipv6Bytes,
  ipv6Masked,
  ipv6Number,
  ipv6OfBytes,
  ipv6OfMasked,
  ipv6OfNumber,
  ipv6PrefixOf,
  ipv6Text,
  isIpv6,
} from "./ipv6.ts";

test("addresses are written as RFC 5952 does, whoever wrote them", () => {
  expect(ipv6Text("FD00:0:0:0:0:0:0:A")).toBe("fd00::a");
  expect(["fd00::1", "::", "1:2:3:4:5:6:7:8"].map(isIpv6)).toEqual([true, true, true]);
  expect(["fd00::1%eth0", "1::2::3", "10.0.0.1", "fd00::g", ""].map(isIpv6)).toEqual([false, false, false, false, false]);
});

test("numbers, bytes, prefixes and masks lead back to the same text", () => {
  for (const text of ["::", "fd00::1", "2001:db8::ff00:42:8329", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    expect(ipv6OfNumber(ipv6Number(text))).toBe(text);
    expect(ipv6OfBytes(ipv6Bytes(text))).toBe(text);
  }
  expect(ipv6PrefixOf("fd00::1:7/64")).toBe("fd00::/64");
  expect(ipv6PrefixOf("FD00::7/128")).toBe("fd00::7");
  const { value, mask } = ipv6Masked("fd00::/65");
  expect(ipv6OfMasked(value, mask!)).toBe("fd00::/65");
  expect(ipv6Masked("fd00::1").mask).toBeNull();
  expect(
    ipv6OfMasked(
      value,
      Uint8Array.from({ length: 16 }, (_, i) => i % 2),
    ),
  ).toBeUndefined();
});
