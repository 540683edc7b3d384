import { expect, test } from "vitest";
import type { Clock } from "../lib/clock.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import { Consoles } from "./consoles.ts";
import type { Picture } from "./picture.ts";

const SERVER = "server" as ServerId;
const HOST = "host" as HostId;

/** A clock that stands until it is told to go. */
function standingClock() {
  let nowMs = 0;
  const sleepers: { readonly atMs: number; wake(): void }[] = [];
  const clock = {
    now: () => nowMs,
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((wake, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
        sleepers.push({ atMs: nowMs + ms, wake });
      }),
  } as unknown as Clock;
  const go = async (ms: number) => {
    nowMs += ms;
    for (const { atMs, wake } of sleepers) if (atMs <= nowMs) wake();
    await new Promise(setImmediate);
  };
  return { clock, go };
}

function rig(metadata: Record<string, string> | null = null) {
  const { clock, go } = standingClock();
  const server = { id: SERVER, name: "s", status: "ACTIVE", hostId: HOST, imageId: "i" };
  const picture = { servers: new Map([[SERVER, server]]), images: new Map([["i", { metadata }]]) };
  const consoles = new Consoles(picture as unknown as Picture, clock);
  const opened: string[] = [];
  consoles.hosts.set(HOST, async (id, kind) => {
    opened.push(`${kind} of ${id}`);
    return { write: (bytes) => void opened.push(String(bytes)), close: () => void opened.push("closed") };
  });
  const ended: string[] = [];
  const side = { heard: () => {}, ended: (why: string) => void ended.push(why) };
  return { consoles, go, opened, ended, side };
}

test("a ticket is good once", async () => {
  const { consoles, side, opened } = rig();
  const { ticket } = consoles.give(SERVER, "serial");
  (await consoles.open(ticket, side)).write(Buffer.from("typed"));
  expect(opened).toEqual(["serial of server", "typed"]);
  await expect(consoles.open(ticket, side)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("a ticket that is too old is good for nothing", async () => {
  const { consoles, side, go } = rig();
  const { ticket, ticketMs } = consoles.give(SERVER, "serial");
  await go(ticketMs);
  await expect(consoles.open(ticket, side)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("what is open is closed when its time is over, and not twice", async () => {
  const { consoles, side, opened, ended, go } = rig();
  const { ticket, sessionMs } = consoles.give(SERVER, "serial");
  await consoles.open(ticket, side);
  const left = await consoles.open(consoles.give(SERVER, "serial").ticket, side);
  left.close();
  await go(sessionMs - 1);
  expect(ended).toEqual([]);
  await go(1);
  expect([ended, opened.filter((o) => o === "closed").length]).toEqual([["its time is over: ask for another one"], 2]);
});

test("a screen is for images that ask for one", () => {
  expect(() => rig().consoles.give(SERVER, "vnc")).toThrow("it has no screen");
  expect(rig({ hw_video_model: "vga" }).consoles.give(SERVER, "vnc").kind).toBe("vnc");
});

test("who only asks for tickets is refused in the end", () => {
  const { consoles } = rig();
  for (let n = 0; n < 1_000; n++) consoles.give(SERVER, "serial");
  expect(() => consoles.give(SERVER, "serial")).toThrow("too many consoles");
});
