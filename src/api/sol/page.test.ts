import { expect, test } from "vitest";
import { pageOf } from "./page.ts";

const ids = (...names: string[]) => names.map((id) => ({ id }));
const shown = (page: { items: readonly { id: string }[] }) => page.items.map((i) => i.id).join("");

test("every member is on one page, whatever the size", () => {
  const all = ids(..."abcdefg");
  for (const size of [1, 2, 3, 7, 8]) {
    let seen = "";
    let marker: string | undefined;
    do {
      const page = pageOf(all, marker, size);
      seen += shown(page);
      marker = page.marker ?? undefined;
    } while (marker !== undefined);
    expect(seen).toBe("abcdefg");
  }
});

test("what is added and deleted between two pages neither repeats nor hides another", () => {
  const marker = pageOf(ids(..."abcdef"), undefined, 3).marker!;
  expect(shown(pageOf(ids(..."bcdefg"), marker, 9))).toBe("defg"); // The first is gone.
  expect(shown(pageOf(ids(..."abdef"), marker, 9))).toBe("def"); // The last of the page is gone.
  expect(shown(pageOf(ids(..."xabcdef"), marker, 9))).toBe("def"); // One came before.
  expect(shown(pageOf([], marker, 9))).toBe("");
});

test("the last page has no marker, nor has an empty list", () => {
  expect(pageOf(ids("a", "b"), undefined, 2).marker).toBeNull();
  expect(pageOf([], undefined, 2)).toEqual({ items: [], marker: null });
});

test.for(["", "x", "!!", Buffer.from("[1,2]").toString("base64url"), Buffer.from('[1,"a",-1]').toString("base64url"), "e30"])(
  "%j is no marker of ours",
  (marker) => {
    expect(() => pageOf(ids("a"), marker, 1)).toThrow(/nextpage_opaque_marker: it is none of ours/);
  },
);
