import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { domainXml } from "../../src/hosts/domain-xml.ts";
import { TYPE } from "../../src/wire/libvirt/frame.ts";
import { PROCEDURES } from "../../src/wire/libvirt/protocol.ts";
import { startTestHost } from "./libvirt.ts";

/*
 * Records what libvirt's own client and libvirtd say to each other, frame by frame, into test/vectors/libvirt/session.json:
 * bytes that our codec has had no part in. Run it again (`node test/harness/record-libvirt.ts`) after adding a procedure.
 */
const OUT = join(import.meta.dirname, "../vectors/libvirt/session.json");
const frames: { from: "client" | "server"; hex: string }[] = [];
/** What the machine is on which this runs (capabilities, devices) is nobody's business: only the question is kept. */
const { capabilities, listNodeDevices, nodeDeviceXml } = PROCEDURES;
const PRIVATE_REPLIES: ReadonlySet<number> = new Set([capabilities, listNodeDevices, nodeDeviceXml].map((p) => p.number));
const PROCEDURE_AT = 12;
const TYPE_AT = 16;

/** Notes whole frames of one direction; frames begin with their length. */
function note(from: "client" | "server", socket: Socket, to: Socket): void {
  let held = Buffer.alloc(0);
  socket.on("data", (bytes: Uint8Array | string) => {
    to.write(bytes);
    held = Buffer.concat([held, bytes as Uint8Array]);
    while (held.length >= 4 && held.length >= held.readUInt32BE(0)) {
      const length = held.readUInt32BE(0);
      const isPrivate = from === "server" && PRIVATE_REPLIES.has(held.readInt32BE(PROCEDURE_AT));
      const isStream = held.readInt32BE(TYPE_AT) === TYPE.stream; // A console's bytes, and no XDR.
      if (!isPrivate && !isStream) frames.push({ from, hex: held.toString("hex", 0, length) });
      held = held.subarray(length);
    }
  });
  socket.on("close", () => to.destroy());
  socket.on("error", () => to.destroy());
}

await using host = await startTestHost();
const proxy = createServer((client) => {
  const server = connect(host.libvirt.socketPath);
  note("client", client, server);
  note("server", server, client);
}).listen(join(host.libvirt.dir, "proxy"));
const spec = await host.spec("recorded");
const uri = `qemu+unix:///system?socket=${join(host.libvirt.dir, "proxy")}&mode=direct`;
const client = spawn(process.execPath, [join(import.meta.dirname, "libvirt-client.ts"), uri, spec.uuid], {
  stdio: ["pipe", "inherit", "inherit"],
});
client.stdin.end(domainXml(spec));
await once(client, "exit");
proxy.close();
await writeFile(OUT, `[\n${frames.map((f) => JSON.stringify(f)).join(",\n")}\n]\n`);
