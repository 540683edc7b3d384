import { expect, test } from "vitest";
import { watchdogOf } from "./server-spec.ts";

test.each([
  [null, {}],
  [{ kernel: "/k" }, {}],
  [{ hw_watchdog_action: "disabled" }, {}],
  [{ hw_watchdog_action: "poweroff" }, { watchdog: "poweroff" }],
  [{ hw_watchdog_action: "none" }, { watchdog: "none" }],
])("a watchdog by the image's metadata: %j → %j", (metadata, want) => {
  expect(watchdogOf(metadata as Record<string, string> | null)).toEqual(want);
});

test("what there is not is refused with what there is", () => {
  expect(() => watchdogOf({ hw_watchdog_action: "explode" })).toThrow(
    "metadata hw_watchdog_action: 'explode' is not possible; want one of disabled, poweroff, reset, pause, none",
  );
});
