import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Ovs, startOvs } from "../harness/ovs.ts";

const run = promisify(execFile);
const ip = (...args: string[]) => run("ip", args);

/** Hosts, each a network namespace with a switch of its own, and a wire between them. */
export interface WiredHosts extends AsyncDisposable {
  readonly hosts: readonly Ovs[];
  /** By which the others reach the switch of a host. */
  tunnelIp(host: number): string;
  /** The address of the switch's database. */
  ovsdb(host: number): string;
}

export async function startWiredHosts(count: number): Promise<WiredHosts> {
  await using undo = new AsyncDisposableStack();
  const hosts: Ovs[] = [];
  while (hosts.length < count)
    hosts.push(undo.use(await startOvs({ datapathType: "netdev", ports: [], protocols: ["OpenFlow13"] })));
  const tunnelIp = (host: number) => `10.255.0.${host + 1}`;
  await wire(hosts, tunnelIp, undo);
  const ends = undo.move();
  return {
    hosts,
    tunnelIp,
    ovsdb: (host) => hosts[host]!.management.replace("br0.mgmt", "db.sock"),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

/** On each host a bridge of the switch has the address: what a userspace switch sends tunnels by. */
async function wire(hosts: readonly Ovs[], tunnelIp: (host: number) => string, undo: AsyncDisposableStack): Promise<void> {
  const name = `wire-${process.pid}`;
  await ip("netns", "add", name);
  undo.defer(async () => void (await ip("netns", "del", name)));
  await ip("-n", name, "link", "add", "name", "wire", "type", "bridge");
  await ip("-n", name, "link", "set", "dev", "wire", "up");
  for (const [i, ovs] of hosts.entries()) {
    const there = ["-n", ovs.netns!];
    await ip(...there, "link", "add", "name", "u0", "type", "veth", "peer", "name", `u${i}`, "netns", name);
    await ip("-n", name, "link", "set", "dev", `u${i}`, "master", "wire", "up");
    await ip(...there, "link", "set", "dev", "u0", "up");
    await ovs.vsctl(
      "add-br",
      "br-phy",
      "--",
      "set",
      "bridge",
      "br-phy",
      "datapath_type=netdev",
      "--",
      "add-port",
      "br-phy",
      "u0",
    );
    await ip(...there, "addr", "add", `${tunnelIp(i)}/24`, "dev", "br-phy");
    await ip(...there, "link", "set", "dev", "br-phy", "up");
  }
}
