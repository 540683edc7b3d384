import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { makeHttp } from "../../src/api/http.ts";
import { serveConsoles } from "../../src/api/openvim/console.ts";
import type { VimDoors } from "../../src/api/openvim/doors.ts";
import { silent } from "../../src/lib/log.ts";
import type { ConsoleSide } from "../../src/model/console.ts";
import { until } from "./rig.ts";

/* A guest writes 11 kB/s on its serial line, and megabytes to its screen: here somebody writes as much, and nobody reads. */
const MIB = Buffer.alloc(2 ** 20, "x");
const app = makeHttp();
let side: ConsoleSide | null = null;
let isClosed = false;

beforeAll(async () => {
  const open = async (_ticket: string, to: ConsoleSide) => {
    side = to;
    return { write: () => {}, close };
  };
  const close = () => {
    isClosed = true;
  };
  serveConsoles(app, "/openvim", { consoles: { open } } as unknown as VimDoors, silent);
  await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

test("who does not read is cut and told why, and the console is let go at once", async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/openvim/console?ticket=any`);
  await once(socket, "open");
  socket.pause();
  await until("the console is open", () => side !== null);
  for (let sent = 0; sent < 64 && !isClosed; sent++) {
    side!.heard(MIB);
    await new Promise(setImmediate);
  }
  expect(isClosed).toBe(true);
  const closed = once(socket, "close");
  socket.resume();
  expect((await closed)[0]).toBe(4_408);
});
