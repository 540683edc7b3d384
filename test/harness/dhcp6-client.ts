/**
 * A client of DHCPv6 (RFC 8415): `node dhcp6-client.ts INTERFACE MAC TRIES`, in the interface's network namespace. Writes the address that it is
 * given; ends with 1 where nobody gives it one. Asks once a second.
 */
import { createSocket } from "node:dgram";

const [device, mac, tries] = process.argv.slice(2) as [string, string, string];
const [SOLICIT, ADVERTISE, REQUEST, REPLY] = [1, 2, 3, 7];
const [CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, ELAPSED] = [1, 2, 3, 5, 8];
const TRANSACTION = Buffer.from([0x53, 0x4d, 0x50]);

function option(code: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(code);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function* options(bytes: Buffer): Generator<readonly [number, Buffer]> {
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    yield [bytes.readUInt16BE(at), bytes.subarray(at + 4, end)] as const;
    at = end;
  }
}

/** DUID-LL (11.4) of an Ethernet. */
const clientId = option(CLIENT_ID, Buffer.concat([Buffer.from([0, 3, 0, 1]), Buffer.from(mac.replaceAll(":", ""), "hex")]));
const message = (type: number, ...more: Buffer[]) =>
  Buffer.concat([Buffer.from([type]), TRANSACTION, clientId, option(ELAPSED, Buffer.alloc(2)), ...more]);
let next = message(SOLICIT, option(IA_NA, Buffer.alloc(12)));

function addressIn(bytes: Buffer): Buffer | null {
  const ia = [...options(bytes)].find(([code]) => code === IA_NA)?.[1];
  return (ia && [...options(ia.subarray(12))].find(([code]) => code === IA_ADDRESS)?.[1]?.subarray(0, 16)) ?? null;
}

const socket = createSocket("udp6");
socket.on("message", (bytes) => {
  const [type, rest] = [bytes[0], bytes.subarray(4)];
  const address = addressIn(rest);
  if (address === null || !bytes.subarray(1, 4).equals(TRANSACTION)) return;
  if (type === ADVERTISE) {
    const of = (code: number) => [...options(rest)].filter(([c]) => c === code).map(([c, body]) => option(c, body));
    next = message(REQUEST, ...of(SERVER_ID), ...of(IA_NA));
    send();
  }
  if (type !== REPLY) return;
  console.log(address.toString("hex").match(/..../g)!.join(":"));
  process.exit(0);
});
const send = () => socket.send(next, 547, `ff02::1:2%${device}`, () => {}); // Its own address may not be ready yet: it asks again.
let asked = 0;
const ask = () => {
  if (asked++ >= Number(tries)) process.exit(1);
  send();
};
socket.bind(546, "::", () => {
  ask();
  setInterval(ask, 1_000);
});
