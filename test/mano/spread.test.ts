import { describe, expect, test } from "vitest";
import type { Deployment } from "../../src/mano/plan.ts";
import { costApart, placesWith } from "../../src/mano/spread.ts";
import type { Vnfd } from "../../src/model/descriptor.ts";

const vnfdOf = (names: string) => ({ vdus: [{ id: "relay", vnfcs: [...names].map((id) => ({ id })) }] }) as unknown as Vnfd;

/** A VDU that has `first` at first, of which those that `at` names are elsewhere, and now has `there`, by their VIMs. */
function deployed(first: string, at: Record<string, string>, there: Record<string, string>): Deployment {
  return {
    ns: { vimAccountId: "one", vimAccounts: at },
    vnfd: vnfdOf(Object.keys(there).join("")),
    asWritten: { vnfd: vnfdOf(first) },
    vnfcs: Object.entries(there).map(([name, vimAccountId]) => ({ name, vimAccountId, vdu: "relay" })),
  } as unknown as Deployment;
}

describe("where further ones go", () => {
  const placed = (d: Deployment, all: string, wanted = all) => {
    const places = placesWith(d, vnfdOf(all), new Set(wanted));
    return [...all].map((name) => `${name}:${places[name] ?? "one"}`).join(" ");
  };
  for (const [what, d, all, want] of [
    ["all in one VIM: there", deployed("ab", {}, { a: "one", b: "one" }), "abcd", "a:one b:one c:one d:one"],
    [
      "to the VIM with the fewest",
      deployed("abc", { b: "two" }, { a: "one", b: "two", c: "one" }),
      "abcde",
      "a:one b:two c:one d:two e:one",
    ],
    [
      "a VDU that is elsewhere grows there",
      deployed("ab", { a: "two", b: "two" }, { a: "two", b: "two" }),
      "abc",
      "a:two b:two c:two",
    ],
    [
      "as somebody has said",
      deployed("ab", { b: "two", c: "two", d: "one" }, { a: "one", b: "two" }),
      "abcde",
      "a:one b:two c:two d:one e:one",
    ],
    ["at first, when nobody is there", deployed("ab", { b: "two" }, {}), "abcd", "a:one b:two c:one d:two"],
    [
      "one that was scaled in goes where it was",
      deployed("abc", { b: "two" }, { b: "two", c: "one" }),
      "abc",
      "a:one b:two c:one",
    ],
  ] as [string, Deployment, string, string][])
    test(what, () => expect(placed(d, all)).toBe(want));

  test("who goes does not count", () => {
    const d = deployed("ab", { b: "two" }, { a: "one", b: "two", c: "one", d: "two" });
    expect(placed(d, "abcde", "abce")).toContain("e:two");
  });
});

describe("who goes first", () => {
  const served =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name) ? 2 : 1;
  /** In which order they go. */
  function order(d: Deployment, cost: (name: string) => number): string {
    const dear = costApart(d, cost, 2);
    const there = d.vnfcs.map((v) => v.name).toReversed();
    let gone = "";
    while (there.length > 0) {
      const costs = there.map((name) => dear(name, there));
      gone += there.splice(costs.indexOf(Math.min(...costs)), 1)[0];
    }
    return gone;
  }
  for (const [what, there, cost, want] of [
    ["one VIM: who serves nobody, then the last made", { a: "one", b: "one", c: "one" }, served("c"), "bac"],
    ["two VIMs: who is one of many, though it serves", { a: "one", b: "two", c: "one" }, served("a", "c"), "cba"],
    ["of those who serves nobody", { a: "one", b: "two", c: "one" }, served("b", "c"), "acb"],
    ["they are apart to the last", { a: "one", b: "two", c: "one", d: "two", e: "one" }, served(), "edcba"],
  ] as [string, Record<string, string>, (name: string) => number, string][])
    test(what, () => expect(order(deployed("ab", {}, there), cost)).toBe(want));
});
