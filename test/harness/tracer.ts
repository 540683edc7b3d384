import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { JsonStream } from "../../src/wire/ovsdb/json-stream.ts";
import type { Frame } from "./fabric-rule.ts";
import type { Ovs } from "./ovs.ts";

/** Asks a switch where frames would go, over one connection to its control socket: a thousand questions a second. */
export class Tracer implements Disposable {
  readonly #socket: Socket;
  readonly #stream = new JsonStream();
  readonly #numbers: readonly string[];
  #asked = 0;

  private constructor(socket: Socket, ports: readonly string[]) {
    this.#socket = socket;
    this.#numbers = ports;
  }

  /** `ports`: by their OpenFlow number, from 1 on; with dummy ports a name's digit is its number in the datapath. */
  static async open(ovs: Ovs, ports: readonly string[]): Promise<Tracer> {
    const socket = connect(ovs.management.replace("unix:", "").replace("br0.mgmt", "vswitchd.ctl"));
    await once(socket, "connect");
    return new Tracer(socket, ports);
  }

  /** `port/tag` of each copy, sorted. */
  async leaves({ inPort, vlan, ethDst }: Frame): Promise<string[]> {
    const tag = vlan === null ? "" : `,dl_vlan=${vlan}`;
    const inNo = this.#numbers.indexOf(inPort) + 1;
    const flow = `in_port=${inNo},dl_src=02:00:00:00:00:99,dl_dst=${ethDst}${tag},dl_type=0x88b5`;
    const text = await this.#ask("ofproto/trace", ["br0", flow]);
    const actions = /Datapath actions: (.*)$/m.exec(text)?.[1];
    if (actions === undefined) throw new Error(text);
    return exitsOf(actions, vlan).sort();
  }

  async #ask(method: string, params: readonly string[]): Promise<string> {
    this.#socket.write(JSON.stringify({ id: this.#asked++, method, params }));
    for (;;) {
      const [bytes] = (await once(this.#socket, "data")) as [Buffer];
      for (const reply of this.#stream.push(bytes)) {
        const { result, error } = reply as { result: string | null; error: unknown };
        if (result === null) throw new Error(String(error));
        return result;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** Of `push_vlan(vid=10,pcp=0),2,pop_vlan,3`: a number is a port of the datapath. */
function exitsOf(actions: string, vlan: number | null): string[] {
  const tags = vlan === null ? [] : [vlan];
  const exits: string[] = [];
  for (const [action, push, set, port] of actions.matchAll(
    /push_vlan\(vid=(\d+)[^)]*\)|set\(vlan\(vid=(\d+)[^)]*\)\)|pop_vlan|drop|(\d+)/g,
  )) {
    if (push !== undefined) tags.push(Number(push));
    else if (set !== undefined) tags[tags.length - 1] = Number(set);
    else if (action === "pop_vlan") tags.pop();
    else if (port !== undefined) exits.push(`p${port}/${tags.length === 0 ? null : tags.join("+")}`);
  }
  return exits;
}
