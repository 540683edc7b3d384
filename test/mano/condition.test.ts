import { expect, test } from "vitest";
import { NETS, Rig, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

test("whose opinions count is learnt from the VIM itself, by a MANO that was told nothing of it", async () => {
  await using rig = new Rig(await new ToyVim(NETS).start());
  const suspend = (suspended: Record<string, string>) => {
    rig.vim.condition = { switch: null, store: { writable: true, why: null }, suspended };
    rig.vim.push({ type: "host.status", hostId: "1" as never, status: "up" }); // Something that has the MANO look.
  };
  const isStopped = async () => (await rig.alarms()).includes("AUTOMATION_STOPPED");
  suspend({ probe: "2 of 2 probed ports miss requests" });
  await rig.startMano();
  await until("told", isStopped);
  const [alarm] = (await rig.ask("GET", "/mano/v1/alarms")).body;
  expect(alarm.faultDetails[0]).toBe("VIM vim1, probe: 2 of 2 probed ports miss requests");

  await rig.stopMano();
  suspend({});
  await rig.startMano();
  await until("over while nobody listened", async () => !(await isStopped()));

  suspend({ traffic: "all at once" });
  await until("told by the next look", isStopped);
  rig.vim.push({ type: "opinions.suspended", source: "probe", why: "all miss" });
  suspend({});
  await until("over", async () => !(await isStopped()));
});
