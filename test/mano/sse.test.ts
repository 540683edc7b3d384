import { expect, test } from "vitest";
import { SseCutter } from "../../src/vimconn/sse.ts";

const stream = ': open\n\nid: 1\ndata: {"seq":1}\n\n: alive\n\nid: 2\nevent: x\ndata: {"seq":\ndata: 2}\n\n';

test("split anywhere, a stream gives the same events", () => {
  for (let at = 0; at <= stream.length; at++) {
    const cutter = new SseCutter();
    expect([...cutter.push(stream.slice(0, at)), ...cutter.push(stream.slice(at))]).toEqual(['{"seq":1}', '{"seq":\n2}']);
  }
});

test("an event that never ends is refused", () => {
  const cutter = new SseCutter();
  expect(() => cutter.push(`data: ${"x".repeat(1_000_001)}`)).toThrow(RangeError);
});
