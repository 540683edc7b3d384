import type { ConsoleSide, OpenConsole } from "../model/console.ts";
import { openStream } from "./stream.ts";

/** A server's screen: QEMU's VNC server on its socket. Throws HOST_UNREACHABLE where nobody listens. */
export async function openScreen(path: string, side: ConsoleSide): Promise<OpenConsole> {
  const socket = await openStream({ path }, "the screen");
  let isClosed = false;
  socket.on("data", (bytes: Uint8Array | string) => side.heard(Buffer.from(bytes as Uint8Array)));
  socket.on("error", () => {}); // It closes then.
  socket.on("close", () => void (isClosed || side.ended("the guest's screen has ended")));
  return {
    write: (bytes) => void socket.write(bytes),
    close() {
      isClosed = true;
      socket.destroy();
    },
  };
}
