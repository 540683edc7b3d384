import { expect, test } from "vitest";
import { readUsage } from "./domain-usage.ts";

const balloon = (id: number, rssKiB?: bigint) => ({
  domain: { name: "-", uuid: `u${id}`, id },
  params: [
    { name: "balloon.current", type: 4, value: 16_384n },
    ...(rssKiB === undefined ? [] : [{ name: "balloon.rss", type: 4, value: rssKiB }]),
  ],
});
const info = { state: 1, maxMemoryKiB: 16_384n, memoryKiB: 16_384n, vcpus: 1, cpuNs: 1_500_000_000n };

test("memory of all by one request, CPU time a few at a time: whoever acts meanwhile waits for no more than those", async () => {
  const records = [balloon(1, 2_048n), balloon(2), balloon(-1), balloon(4, 1_024n), balloon(5, 1_024n)];
  let [asked, most, gone] = [0, 0, ""];
  const libvirt = {
    balloons: async () => [...records],
    info: async (uuid: string) => {
      most = Math.max(most, ++asked);
      await new Promise(setImmediate);
      asked--;
      return uuid === gone ? null : info;
    },
  };
  const uuids = records.map((r) => r.domain.uuid);
  expect(await readUsage(libvirt, uuids)).toEqual([
    { uuid: "u1", run: 1, cpuMs: 1_500, residentMiB: 2 },
    { uuid: "u2", run: 2, cpuMs: 1_500, residentMiB: null }, // libvirt did something with it.
    { uuid: "u-1", run: null, cpuMs: null, residentMiB: null },
    { uuid: "u4", run: 4, cpuMs: 1_500, residentMiB: 1 },
    { uuid: "u5", run: 5, cpuMs: 1_500, residentMiB: 1 },
  ]);
  expect(most).toBe(2);
  gone = "u4"; // Between the two questions.
  expect((await readUsage(libvirt, uuids)).map((u) => u.uuid)).toEqual(["u1", "u2", "u-1", "u5"]);
});

test("none are asked about: libvirt would take that for all of them", async () => {
  const refused = () => Promise.reject(new Error("asked"));
  expect(await readUsage({ balloons: refused, info: refused }, [])).toEqual([]);
});
