/**
 * Records what `ovs-ofctl` says to a real Open vSwitch and what that answers: `node test/vectors/openflow/record.ts`.
 *
 *   ovs-ofctl ──tcp── this program, listening ──unix── ovs-vswitchd (dummy datapath)
 *
 * Bytes of somebody else's program: a codec tested only against itself agrees with its own mistakes. Each message
 * becomes NAME.hex (its bytes), NAME.txt (how `ovs-ofctl ofp-print` reads them: the foreign opinion) and NAME.json (how
 * we read them: look at it beside the .txt before you commit it).
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Framer } from "../../../src/wire/openflow/framer.ts";
import { of10 } from "../../../src/wire/openflow/of10.ts";
import { of13 } from "../../../src/wire/openflow/of13.ts";
import { type Ovs, startOvs } from "../../harness/ovs.ts";
import { toText } from "./text.ts";

const run = promisify(execFile);
const MAC = "02:00:00:00:00:01";

/** Vector name → the kind of message to keep, and the command that makes it. SW is the switch. */
const BOTH = {
  hello: ["hello", "probe SW"],
  "echo-request": ["echoRequest", "probe SW"],
  "echo-reply": ["echoReply", "probe SW"],
  "features-request": ["featuresRequest", "show SW"],
  "features-reply": ["featuresReply", "show SW"],
  "get-config-request": ["getConfigRequest", "get-frags SW"],
  "get-config-reply": ["getConfigReply", "get-frags SW"],
  "set-config": ["setConfig", "set-frags SW drop"],
  "flow-mod-add": ["flowMod", "add-flow SW table=0,cookie=0x7,priority=100,in_port=1,actions=output:2"],
  "flow-mod-vlan": ["flowMod", `add-flow SW priority=9,in_port=1,dl_vlan=5,dl_dst=${MAC},actions=mod_vlan_vid:7,output:2`],
  "flow-mod-strip": ["flowMod", "add-flow SW priority=8,in_port=2,dl_vlan=5,actions=strip_vlan,output:1,controller:65535"],
  "flow-mod-ip": [
    "flowMod",
    `add-flow SW idle_timeout=60,tcp,dl_src=${MAC},nw_src=10.0.0.0/8,nw_dst=10.0.0.2,tp_dst=80,actions=drop`,
  ],
  "flow-mod-arp": ["flowMod", "add-flow SW hard_timeout=9,arp,nw_dst=10.0.0.9,arp_op=1,actions=flood"],
  "flow-mod-rewrite": [
    "flowMod",
    `add-flow SW udp,tp_src=53,actions=mod_dl_dst:${MAC},mod_nw_src:10.9.9.9,mod_tp_dst:99,output:1`,
  ],
  "flow-mod-delete": ["flowMod", "--strict del-flows SW priority=100,in_port=1"],
  "flow-mod-overlap": ["flowMod", "add-flow SW check_overlap,priority=9,actions=output:1"],
  "error-overlap": ["error", "add-flow SW check_overlap,priority=9,actions=output:1"],
  "packet-out": ["packetOut", "packet-out SW in_port=controller,packet=ffffffffffff0200000000010806,actions=output:2"],
  "port-mod": ["portMod", "mod-port SW 1 no-flood"],
  "barrier-request": ["barrierRequest", "add-flow SW priority=100,in_port=1,actions=output:2"],
  "barrier-reply": ["barrierReply", "add-flow SW priority=101,in_port=1,actions=output:2"],
} as const satisfies Record<string, readonly [string, string]>;

const ONLY_13 = {
  "flow-mod-push": ["flowMod", "add-flow SW priority=7,in_port=1,actions=push_vlan:0x8100,set_field:4105->vlan_vid,output:2"],
  "flow-mod-goto": ["flowMod", "add-flow SW table=2,cookie=5,ipv6,actions=set_queue:3,dec_ttl,write_metadata:1/3,goto_table:3"],
  "flow-mod-register": ["flowMod", "add-flow SW priority=6,reg0=5,actions=resubmit(,1)"],
  "group-mod-all": [
    "groupMod",
    "add-group SW group_id=1,type=all,bucket=output:1,bucket=push_vlan:0x8100,set_field:4101->vlan_vid,output:2",
  ],
  "group-mod-failover": ["groupMod", "add-group SW group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_port:2,output:2"],
  "group-mod-indirect": ["groupMod", "mod-group SW group_id=2,type=indirect,bucket=output:2"],
  "group-mod-delete": ["groupMod", "del-groups SW group_id=3"],
  "flow-mod-group": ["flowMod", "add-flow SW table=1,priority=1,metadata=2/3,actions=group:1"],
  "port-desc-request": ["multipartRequest", "dump-ports-desc SW"],
  "port-desc-reply": ["multipartReply", "dump-ports-desc SW"],
  "group-desc-request": ["multipartRequest", "dump-groups SW"],
  "group-desc-reply": ["multipartReply", "dump-groups SW"],
  "group-reply": ["multipartReply", "dump-group-stats SW"],
  "group-features-reply": ["multipartReply", "dump-group-features SW"],
  "error-group": ["error", "add-group SW group_id=1,type=all"],
} as const satisfies Record<string, readonly [string, string]>;

/** Statistics have another name in each version. `format`: without it 1.0 is asked in the way of a vendor extension. */
const statistics = (request: string, reply: string, format: string) =>
  ({
    "desc-request": [request, "dump-desc SW"],
    "desc-reply": [reply, "dump-desc SW"],
    "flow-request": [request, `${format} dump-flows SW in_port=1`],
    "flow-reply": [reply, `${format} dump-flows SW`],
    "aggregate-request": [request, `${format} dump-aggregate SW`],
    "aggregate-reply": [reply, `${format} dump-aggregate SW`],
    "port-request": [request, "dump-ports SW 1"],
    "port-reply": [reply, "dump-ports SW"],
    "table-reply": [reply, "dump-tables SW"],
  }) as const;

const VERSIONS = {
  "10": {
    protocol: "OpenFlow10",
    codec: of10,
    standard: "openflow10",
    commands: { ...BOTH, ...statistics("statsRequest", "statsReply", "-F openflow10") },
  },
  "13": {
    protocol: "OpenFlow13",
    codec: of13,
    standard: "standard",
    commands: { ...BOTH, ...ONLY_13, ...statistics("multipartRequest", "multipartReply", "-F oxm") },
  },
} as const;
type Version = (typeof VERSIONS)[keyof typeof VERSIONS];

const socketOf = (ovs: Ovs) => ovs.management.slice("unix:".length);

/** A listener between ovs-ofctl and the switch that keeps every frame of both directions. */
async function listenBetween(
  ovs: Ovs,
): Promise<{ readonly frames: Uint8Array[]; readonly target: string; readonly server: Server }> {
  const frames: Uint8Array[] = [];
  const keep = (from: Socket, to: Socket) => {
    const framer = new Framer();
    from.on("data", (chunk: Buffer) => {
      frames.push(...framer.push(chunk).map((f) => new Uint8Array(f)));
      to.write(chunk);
    });
    from.on("close", () => to.destroy());
    from.on("error", () => to.destroy());
  };
  const server = createServer((client) => {
    const peer = connect(socketOf(ovs));
    keep(client, peer);
    keep(peer, client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return { frames, target: `tcp:127.0.0.1:${address.port}`, server };
}

async function save(name: string, frame: Uint8Array, version: Version): Promise<void> {
  const hex = Buffer.from(frame).toString("hex");
  const { stdout } = await run("ovs-ofctl", ["ofp-print", hex, "2"]);
  const file = join(import.meta.dirname, name);
  writeFileSync(`${file}.hex`, `${hex.replace(/.{1,96}/g, "$&\n")}`);
  writeFileSync(`${file}.txt`, stdout);
  writeFileSync(`${file}.json`, toText(version.codec.decode(frame)));
}

/** Runs every command of the version and keeps the last message of the wanted kind. */
async function recordCommands(prefix: string, version: Version, ovs: Ovs): Promise<void> {
  for (const [name, [kind, command]] of Object.entries(version.commands)) {
    const between = await listenBetween(ovs);
    const args = command.split(" ").map((word) => (word === "SW" ? between.target : word));
    // A refused command ends with an error; the refusal is what we came for.
    await run("ovs-ofctl", ["--no-names", "-O", version.protocol, ...args], { timeout: 5000 }).catch(() => {});
    between.server.close();
    const frame = between.frames.findLast((f) => version.codec.kindOf(f[1]!) === kind);
    if (frame === undefined) throw new Error(`${prefix}: "${command}" showed no ${kind}`);
    await save(`${prefix}-${name}`, frame, version);
  }
}

/** What a switch says unasked: seen by `ovs-ofctl monitor` while somebody else disturbs the switch. */
async function recordUnasked(prefix: string, version: Version, ovs: Ovs): Promise<void> {
  const between = await listenBetween(ovs);
  const options = [`--unixctl=${dirname(socketOf(ovs))}/monitor.ctl`, "-O", version.protocol, "-P", version.standard];
  const monitor = spawn("ovs-ofctl", [...options, "monitor", between.target, "65535"], { stdio: "ignore" });
  await sleep(500);
  await ovs.ofctl("add-flow", "br0", "priority=200,in_port=2,actions=controller:65535");
  await ovs.appctl("netdev-dummy/receive", "p2", "in_port(2),eth(src=02:00:00:00:00:02,dst=ff:ff:ff:ff:ff:ff),eth_type(0x1234)");
  await ovs.ofctl("add-flow", "br0", "priority=201,send_flow_rem,in_port=2,dl_vlan=9,actions=drop");
  await ovs.ofctl("--strict", "del-flows", "br0", "priority=201,in_port=2,dl_vlan=9");
  await ovs.vsctl("del-port", "br0", "p3");
  await sleep(500);
  monitor.kill();
  between.server.close();
  for (const [name, kind] of Object.entries({
    "packet-in": "packetIn",
    "flow-removed": "flowRemoved",
    "port-status": "portStatus",
  })) {
    const frame = between.frames.findLast((f) => version.codec.kindOf(f[1]!) === kind);
    if (frame === undefined) throw new Error(`${prefix}: the switch sent no ${kind}`);
    await save(`${prefix}-${name}`, frame, version);
  }
}

/** A bundle with one entry, as the ONF's extension for 1.3 puts it: five messages of one kind, in this order. */
async function recordBundle(ovs: Ovs): Promise<void> {
  const between = await listenBetween(ovs);
  const flow = "priority=100,in_port=1,actions=output:2";
  await run("ovs-ofctl", ["--no-names", "-O", "OpenFlow13", "--bundle", "add-flow", between.target, flow], { timeout: 5000 });
  between.server.close();
  const frames = between.frames.filter((f) => of13.kindOf(f[1]!) === "experimenter");
  for (const [i, name] of ["open", "open-reply", "add", "commit", "commit-reply"].entries())
    await save(`of13-bundle-${name}`, frames[i]!, VERSIONS["13"]);
}

for (const [prefix, version] of Object.entries(VERSIONS)) {
  await using ovs = await startOvs({ datapathType: "dummy", ports: ["p1", "p2", "p3"], protocols: [version.protocol] });
  await recordCommands(`of${prefix}`, version, ovs);
  await recordUnasked(`of${prefix}`, version, ovs);
  if (prefix === "13") await recordBundle(ovs);
}
