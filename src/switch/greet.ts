import type { Socket } from "node:net";
import { Fault } from "../lib/fault.ts";
import { ProtocolError, Writer } from "../wire/kit.ts";
import { Framer, HEADER_BYTES } from "../wire/openflow/framer.ts";
import { encodeHello, negotiate, type OF10, type OF13 } from "../wire/openflow/hello.ts";

/** What a connection is after both sides said hello. */
export interface Greeted {
  readonly version: typeof OF10 | typeof OF13;
  /** Holds what came of the next frame. */
  readonly framer: Framer;
  /** Frames that came in the same chunk as the hello. */
  readonly frames: readonly Uint8Array[];
}

const HELLO_XID = 1;

/**
 * Says hello and waits for the peer's. The socket is paused when this resolves, so nothing is lost until somebody listens
 * again. Rejects with ProtocolError for a peer that does not speak OpenFlow, and with Fault SWITCH_REFUSED when there is
 * no version in common or the connection ends; the caller then destroys the socket.
 */
export function greet(socket: Socket): Promise<Greeted> {
  const framer = new Framer();
  const { promise, resolve, reject } = Promise.withResolvers<Greeted>();
  const onData = (chunk: Buffer) => {
    try {
      // Another protocol's first bytes can read as a length of thousands: refuse them now rather than wait for the rest.
      if (chunk.length > 1 && socket.bytesRead === chunk.length && chunk[1] !== OFPT_HELLO) throw notHello(chunk);
      const [hello, ...frames] = framer.push(chunk);
      if (hello === undefined) return;
      const version = negotiate(hello);
      if (version === undefined) throw refuseVersion(socket, hello[0]!);
      socket.pause();
      settle();
      resolve({ version, framer, frames });
    } catch (e) {
      settle();
      reject(e);
    }
  };
  const onClose = () => {
    settle();
    reject(new Fault("SWITCH_NOT_CONNECTED", "the connection ended before its hello"));
  };
  const settle = () => {
    socket.off("data", onData);
    socket.off("close", onClose);
  };
  socket.on("data", onData);
  socket.on("close", onClose);
  socket.write(encodeHello(HELLO_XID));
  return promise;
}

const notHello = (chunk: Buffer) =>
  new ProtocolError("BAD_VALUE", `${chunk.subarray(0, HEADER_BYTES).toString("hex")} where a hello must stand`);

const OFPT_HELLO = 0;
const OFPT_ERROR = 1;

/** Tells the peer OFPHFC_INCOMPATIBLE (type 0, code 0), in its own version so that it can read it, and gives the Fault for us. */
function refuseVersion(socket: Socket, version: number): Fault {
  const w = new Writer();
  w.u8(version);
  w.u8(OFPT_ERROR);
  w.u16(HEADER_BYTES + 4);
  w.u32(HELLO_XID);
  w.zeros(4);
  socket.write(w.done());
  return new Fault("SWITCH_REFUSED", `the peer speaks up to OpenFlow version byte ${version}, we speak 1.0 and 1.3`, { version });
}
