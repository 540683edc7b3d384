import { expect, test } from "vitest";
import { hostState } from "./host.ts";

const libvirt = (state: "up" | "unreachable", sinceMs = 1_000) => ({ state, why: state === "up" ? null : "silent", sinceMs });
const up = { isUp: true, lostMs: 500 };
const lost = (lostMs: number) => ({ isUp: false, lostMs });
const unseen = { isUp: null, lostMs: null };

//  libvirt              links                        the host is   since
for (const [says, links, wanted, sinceMs] of [
  [libvirt("up"), [lost(1_200)], "up", 1_000],
  [libvirt("unreachable"), [], "unreachable", 1_000], // Nothing runs there that could tell.
  [libvirt("unreachable"), [unseen], "unreachable", 1_000],
  [libvirt("unreachable"), [up, lost(1_200)], "unreachable", 1_000], // One port has its link: something drives it.
  [libvirt("unreachable"), [lost(900)], "unreachable", 1_000], // It ended while libvirt still spoke.
  [libvirt("unreachable"), [{ isUp: false, lostMs: null }], "unreachable", 1_000],
  [libvirt("unreachable"), [lost(1_000)], "gone", 1_000],
  [libvirt("unreachable"), [lost(900), lost(1_200), unseen], "gone", 1_200],
] as const) {
  test(`libvirt ${says.state}, links ${JSON.stringify(links)}: ${wanted}`, () => {
    expect(hostState(null, says, links)).toMatchObject({ state: wanted, sinceMs });
  });
}

test("who says so stands in the reason", () => {
  expect(hostState(null, libvirt("unreachable"), [lost(1_200)]).why).toBe(
    "silent; 1 switch port of its servers lost the link since, none has one",
  );
});

test("it stays gone until libvirt answers or a port has its link", () => {
  const gone = hostState(null, libvirt("unreachable"), [lost(1_200)]);
  expect(hostState(gone, libvirt("unreachable"), [])).toEqual(gone);
  expect(hostState(gone, libvirt("unreachable"), [up]).state).toBe("unreachable");
  expect(hostState(gone, libvirt("up"), []).state).toBe("up");
});
