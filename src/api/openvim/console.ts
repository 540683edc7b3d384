import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { type WebSocket, WebSocketServer } from "ws";
import { Fault } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import type { OpenConsole } from "../../model/console.ts";
import type { VimDoors } from "./doors.ts";

/** What somebody types or pastes in one message. */
const MESSAGE_BYTES_MAX = 65_536;
/** What may wait for one who does not read. More, and it is cut: the guest must not wait for its reader. */
const BEHIND_BYTES_MAX = 2 * 2 ** 20;
/** A client that is gone without a word is found by this (RFC 6455, 5.5.2), ms. */
const PING_MS = 20_000;
/** RFC 6455, 7.4.1, and two of those for private use, as HTTP has them. */
const CODE = { normal: 1_000, goingAway: 1_001, behind: 4_408, refused: 4_502 } as const;
/** RFC 6455, 5.5.1: a reason has room for so many bytes. */
const REASON_BYTES_MAX = 123;

/** WebSockets at `base`/console: each opens the console of its ticket, which is all the right it needs. Bytes both ways, whatever the frames. */
export function serveConsoles(app: FastifyInstance, base: string, doors: VimDoors, log: Log): void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAX, handleProtocols: binaryOf });
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {}); // It went before it was answered.
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname !== `${base}/console`) return refuse(socket, "404 Not Found");
    const ticket = url.searchParams.get("ticket");
    if (ticket === null) return refuse(socket, "401 Unauthorized");
    sockets.handleUpgrade(request, socket, head, (client) => void join(client, ticket, doors, log));
  });
  app.addHook("preClose", async () => {
    for (const client of sockets.clients) {
      client.close(CODE.goingAway, "the VIM ends");
      setImmediate(() => client.terminate()); // It is told; whether it answers is not waited for.
    }
  });
}

/** noVNC before 1.3 asks for this subprotocol, and goes without it. */
const binaryOf = (offered: Set<string>): string | false => (offered.has("binary") ? "binary" : false);

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function join(client: WebSocket, ticket: string, doors: VimDoors, log: Log): Promise<void> {
  const typed: Uint8Array[] = [];
  let console: OpenConsole | null = null;
  client.on("error", () => {}); // It closes then.
  client.on("message", (data) => {
    const bytes = Buffer.concat([data].flat().map((part) => Buffer.from(part as Uint8Array)));
    if (console === null) typed.push(bytes);
    else console.write(bytes);
  });
  const alive = setInterval(() => client.ping(), PING_MS);
  const leave = () => {
    clearInterval(alive);
    console?.close();
    console = null;
  };
  client.once("close", leave);
  const side = {
    heard(bytes: Uint8Array) {
      if (client.readyState !== client.OPEN) return;
      client.send(bytes, { binary: true });
      if (client.bufferedAmount <= BEHIND_BYTES_MAX) return;
      leave(); // Now, and not when the client has heard of it: the guest's line is for the next one.
      end(client, CODE.behind, "it was not read as fast as the guest writes");
    },
    ended: (why: string) => end(client, CODE.normal, why),
  };
  try {
    console = await doors.consoles.open(ticket, side);
  } catch (err) {
    if (!(err instanceof Fault)) log.error({ err }, "a console could not be opened");
    end(client, CODE.refused, err instanceof Fault ? err.detail : "internal error");
    return;
  }
  if (client.readyState !== client.OPEN) return console.close();
  for (const bytes of typed) console.write(bytes);
}

/** A client that does not answer the closing is let go by `ws` itself after half a minute. */
function end(client: WebSocket, code: number, why: string): void {
  client.close(
    code,
    Buffer.from(why)
      .subarray(0, REASON_BYTES_MAX)
      .toString()
      .replace(/\uFFFD$/, ""),
  );
}
