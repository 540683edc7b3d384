import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openConsole } from "../../src/cli/console.ts";
import { ensureStorageGuest, STORAGE_GUEST_CMDLINE } from "../harness/storage-guest.ts";
import { type Ask, client, type Daemon, type Rig, startDaemon, startRig, until } from "./rig.ts";

/* Consoles of a real guest, which says back each line that it is told, over WebSockets and by the command line. One story, in order. */
let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let tenant: string;
let server: string;
let screened: string;

beforeAll(async () => {
  const guest = await ensureStorageGuest();
  rig = await startRig();
  daemon = await startDaemon(rig.config(0));
  ask = client(daemon.port);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const flavor = { name: "small", ram: 96, vcpus: 1 };
  const flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor })).body.flavor.id;
  const metadata = { kernel: guest.kernel, initrd: guest.initrd, cmdline: STORAGE_GUEST_CMDLINE };
  const imageOf = async (name: string, more: object) => {
    const path = join(rig.dir, `${name}.img`);
    writeFileSync(path, Buffer.alloc(1024 * 1024));
    return (await ask("POST", `/${tenant}/images`, { image: { name, path, metadata: { ...metadata, ...more } } })).body.image.id;
  };
  const start = async (name: string, imageRef: string) =>
    (await ask("POST", `/${tenant}/servers`, { server: { name, flavorRef, imageRef, networks: [] } })).body.server.id;
  server = await start("talker", await imageOf("plain", {}));
  screened = await start("shown", await imageOf("screen", { hw_video_model: "vga" }));
  for (const id of [server, screened]) await until(`${id} is ACTIVE`, async () => (await see(id)).status === "ACTIVE");
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (id: string): Promise<any> => (await ask("GET", `/${tenant}/servers/${id}`)).body.server;
const act = (id: string, action: object) => ask("POST", `/${tenant}/servers/${id}/action`, action);
const ticketOf = async (id: string, type: string): Promise<string> => (await act(id, { console: type })).body.console.url;

/** A WebSocket and all that came of it. */
function dial(url: string) {
  const socket = new WebSocket(url);
  let text = Buffer.alloc(0);
  let closed: { code: number; reason: string } | null = null;
  socket.on("message", (data: Buffer) => {
    text = Buffer.concat([text, data]);
  });
  socket.on("error", () => {});
  socket.on("close", (code, reason) => {
    closed = { code, reason: reason.toString() };
  });
  return {
    socket,
    text: () => text.toString("latin1"),
    isOpen: () => until("it is open", () => socket.readyState === WebSocket.OPEN),
    says: (what: string) => until(`"${what}"`, () => text.includes(what)),
    closed: () => until("it is closed", () => closed ?? undefined),
  };
}

test("the serial line: what is typed comes back from the guest, and a second one takes it over", async () => {
  const answer = (await act(server, { console: "serial" })).body.console;
  expect(answer).toMatchObject({ type: "serial", ticket_seconds: 30, session_seconds: 3_600 });
  const first = dial(answer.url);
  await first.isOpen();
  await until("the guest says back what it is told", async () => {
    first.socket.send("hello\n");
    await sleep(100);
    return first.text().includes("you said: hello");
  });
  const second = dial(await ticketOf(server, "serial"));
  await second.isOpen();
  expect((await first.closed()).code).toBe(1_000);
  second.socket.send(Buffer.from("again\n"));
  await second.says("you said: again");
  second.socket.close();
});

test("a ticket is good once; none, another path, another server's state are refused", async () => {
  const url = await ticketOf(server, "serial");
  const one = dial(url);
  await one.isOpen();
  const again = dial(url);
  expect(await again.closed()).toMatchObject({ code: 4_502, reason: expect.stringContaining("this ticket is used") });
  for (const bad of [url.replace(/ticket=.*/, "ticket=nothing"), url.replace(/\?.*/, ""), url.replace("/console", "/other")])
    expect((await dial(bad).closed()).code).not.toBe(1_000);
  one.socket.close();
  expect(await act(server, { console: "vnc" })).toMatchObject({
    status: 405,
    body: { error: { description: expect.stringContaining("it has no screen") } },
  });
  expect((await act(server, { console: "telnet" })).status).toBe(400);
  expect((await act("00000000-0000-4000-8000-000000000000", { console: "serial" })).status).toBe(404);
});

test("the screen: QEMU's own VNC server answers, on no port", async () => {
  const screen = dial(await ticketOf(screened, "novnc"));
  await screen.says("RFB 003.008\n");
  screen.socket.send("RFB 003.008\n");
  await until("its kinds of security", () => screen.text().length > 12);
  expect([...Buffer.from(screen.text(), "latin1").subarray(12)]).toEqual([1, 1]); // One, none: the ticket was the word.
  screen.socket.close();
});

test("sempre console: keys in, words out, Ctrl-] leaves", async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  let heard = "";
  output.on("data", (bytes) => {
    heard += bytes;
  });
  const said: string[] = [];
  const terminal = {
    input: Object.assign(input, { isTTY: true, setRawMode: () => {} }),
    output,
    say: (w: string) => void said.push(w),
  };
  const options = { vim: `http://127.0.0.1:${daemon.port}/openvim`, tenant: "default" };
  const session = openConsole("talk", options, terminal);
  await until("it is open", () => said.length > 0);
  input.write("from the terminal\n");
  await until("it comes back", () => heard.includes("you said: from the terminal"));
  input.write(Buffer.from([0x1d]));
  await session;
  expect(said).toEqual(["console of talker: Ctrl-] leaves it", "\nconsole of talker: left"]);
  await expect(openConsole("nobody", options, terminal)).rejects.toThrow("there is no server nobody; there are: talker, shown");
  await expect(openConsole("talker", { ...options, vim: "http://127.0.0.1:1/openvim" }, terminal)).rejects.toThrow(
    "no VIM answers at",
  );
});

test("it ends with the guest, and with the VIM; one that is off has none", async () => {
  const open = dial(await ticketOf(server, "serial"));
  await open.isOpen();
  await act(server, { forceOff: null });
  expect((await open.closed()).code).toBe(1_000);
  await until("it is off", async () => (await see(server)).status === "INACTIVE");
  const refused = await act(server, { console: "serial" });
  expect([refused.status, refused.body.error.description]).toEqual([
    405,
    "server 'talker' is INACTIVE: one that runs has a console",
  ]);
  const last = dial(await ticketOf(screened, "serial"));
  await last.isOpen();
  await daemon.kill("SIGTERM");
  await last.closed();
});
