import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { ArmedProtection } from "../../src/model/armed.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import { type FlowPhases, PROBE_MAC } from "../../src/model/flow.ts";
import type { FlavorId, GroupId, ImageId, ServerId, TenantId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import type { Server, ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { FlowSwitch } from "../../src/switch/flow-switch.ts";
import { listen } from "../../src/switch/listen.ts";
import { Vim } from "../../src/vim/vim.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { nowMs, until } from "./rig.ts";

export const FRAMES = probeFrames(PROBE_MAC);

/** A VIM in this process over a store in a file, led by hand where a hypervisor would tell; the switch is real. */
export class ArmedRig implements AsyncDisposable {
  readonly ovs: Ovs;
  readonly dir: string;
  vim!: Vim;
  /** Everything told since the VIM was last opened. */
  events: VimEvent[] = [];
  /** What was written to the switch, one item for each write. */
  writes: FlowPhases[] = [];
  /** The next write rejects as if the switch had refused it. */
  refuseNext = false;
  readonly nets: Record<string, VimNet> = {};
  a!: Server;
  b!: Server;
  readonly #made: { tenantId?: TenantId; imageId?: ImageId; flavorId?: FlavorId } = {};
  #close: () => Promise<void> = async () => {};

  readonly #clock: Clock;

  private constructor(ovs: Ovs, dir: string, clock: Clock) {
    this.#clock = clock;
    this.ovs = ovs;
    this.dir = dir;
  }

  /** traffic0 (port va) is served by A over data0, traffic1 (port vb) by B over data1. */
  static async start(clock: Clock = systemClock): Promise<ArmedRig> {
    const dir = mkdtempSync(join(tmpdir(), "sa-"));
    const ovs = await startOvs({ datapathType: "dummy", ports: ["va", "vb"], protocols: ["OpenFlow13"] });
    const rig = new ArmedRig(ovs, dir, clock);
    await rig.open();
    await rig.#fill();
    return rig;
  }

  /** Opens the VIM on the store, and waits for the switch. */
  async open(): Promise<void> {
    const db = await openStore<VimDb>({
      path: join(this.dir, "vim.db"),
      busyTimeoutMs: 60_000,
      migrationsDir: join(import.meta.dirname, "../../sql/vim"),
    });
    const vim = await Vim.open({ db, clock: this.#clock, log: silent, vlanRange: { first: 3000, last: 3100 } });
    this.vim = vim;
    this.events = [];
    vim.events.subscribe((e) => this.events.push(e));
    const switches = await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: BigInt(Date.now()) });
    switches.on((e) => {
      if (e.type === "up") vim.fabric.connected(this.#watched(switches.sessions.get(e.datapath)!));
      if (e.type === "down") vim.fabric.disconnected(e.datapath);
      const answer = e.type === "packetIn" ? FRAMES.answerIn(e.frame) : null;
      if (e.type === "packetIn" && answer !== null) vim.paths.heard(answer, e);
      if (e.type === "port" && e.reason !== "modify") vim.fabric.portsChanged(e.reason, e.port.name);
    });
    await this.ovs.setControllers(`tcp:127.0.0.1:${switches.tcpPort}`);
    await until("the switch is connected", () => vim.fabric.session !== null);
    await vim.fabric.reconcile();
    this.#close = async () => {
      vim.protections[Symbol.dispose]();
      await switches[Symbol.asyncDispose]();
      await vim.picture.settled();
      await vim.events.flush();
      await db.destroy();
    };
  }

  async close(): Promise<void> {
    await this.#close();
    this.#close = async () => {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.ovs[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The session, with its writes written down. */
  #watched(session: FlowSwitch): FlowSwitch {
    const apply: FlowSwitch["apply"] = (phases) => {
      this.writes.push(phases);
      if (!this.refuseNext) return session.apply(phases);
      this.refuseNext = false;
      // A change that a real switch refuses, behind those that it carries out.
      const impossible = {
        op: "addEntry",
        entry: { table: 254, priority: 1, cookie: 1n, match: {}, actions: [{ do: "group", group: 7 }] },
      } as const;
      return session.apply([...phases, [impossible]]);
    };
    return new Proxy(session, {
      get(target, name) {
        const value: unknown = name === "apply" ? apply : Reflect.get(target, name, target);
        return typeof value === "function" && name !== "apply" ? value.bind(target) : value;
      },
    });
  }

  async #fill(): Promise<void> {
    const { vim } = this;
    this.#made.tenantId = (await vim.catalogue.createTenant({ name: "t" })).id;
    await vim.inventory.localHost();
    const path = join(this.dir, "empty.img");
    writeFileSync(path, "");
    this.#made.imageId = (await vim.catalogue.createImage({ name: "i", path })).id;
    this.#made.flavorId = (await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 })).id;
    await this.#net("traffic0", "openflow:va");
    await this.#net("traffic1", "openflow:vb");
    this.a = await this.addMember("relay-a", "data0");
    this.b = await this.addMember("relay-b", "data1");
    await vim.binds.changeBind(this.nets.traffic0!.id, this.nets.data0!.id);
    await vim.binds.changeBind(this.nets.traffic1!.id, this.nets.data1!.id);
    await vim.fabric.reconcile();
    this.events.length = 0;
    this.writes.length = 0;
  }

  async #net(name: string, provider?: string): Promise<void> {
    this.nets[name] = await this.vim.nets.createNet({ name, kind: "data", provider });
  }

  /** One more server that runs and answers, on a data net of its own. */
  async addMember(name: string, data: string): Promise<Server> {
    const { vim } = this;
    await this.#net(data);
    const { tenantId, imageId, flavorId } = this.#made;
    const server = await vim.servers.createServer({
      name,
      tenantId: tenantId!,
      flavorId: flavorId!,
      imageId: imageId!,
      start: "yes",
      vnics: [{ netId: this.nets[data]!.id, name: "eth1", ip: "10.62.0.100" }],
    });
    const tap = this.portOf(server).switchPort!;
    await this.ovs.vsctl("add-port", "br0", tap, "--", "set", "interface", tap, "type=dummy");
    await until(`the switch tells ${tap}`, () => vim.fabric.session?.ports.has(tap));
    this.runs(server);
    return server;
  }

  portOf(server: Server): ServerPort {
    return this.vim.picture.portsOf(server.id)[0]!;
  }

  /** The first life of a server begins, as its creation would tell it. */
  runs(server: Server): void {
    this.vim.facts.setServer(server.id, { status: "ACTIVE", task: null });
    this.answers(server);
  }

  answers(server: Server): void {
    this.port(server, "answers", "arpProbe");
  }

  server(server: Server, says: Evidence["says"], source: Evidence["source"] = "qmp"): void {
    this.vim.facts.evidence({ about: { kind: "server", id: server.id as ServerId }, says, source, seenAt: nowMs() });
  }

  port(server: Server, says: Evidence["says"], source: Evidence["source"]): void {
    this.vim.facts.portEvidence({
      about: { kind: "port", id: this.portOf(server).id as VimPortId },
      says,
      source,
      seenAt: nowMs(),
    });
  }

  /** Each for the other. */
  armed(more: Partial<ArmedProtection> = {}): ArmedProtection {
    const { data0, data1, traffic0, traffic1 } = this.nets;
    return {
      id: "group-1" as GroupId,
      name: "media relay",
      revision: 1,
      holdOffMs: 0,
      members: [
        { id: "A" as VnfcId, name: "relay-a", serverId: this.a.id, dataNet: data0!.id, capacity: null },
        { id: "B" as VnfcId, name: "relay-b", serverId: this.b.id, dataNet: data1!.id, capacity: null },
      ],
      plans: [
        { failed: "A" as VnfcId, moves: [{ trafficNet: traffic0!.id, to: "B" as VnfcId, orElse: [] }], because: ["B is up"] },
        { failed: "B" as VnfcId, moves: [{ trafficNet: traffic1!.id, to: "A" as VnfcId, orElse: [] }], because: ["A is up"] },
      ],
      probe: null,
      guestHeartbeat: null,
      traffic: null,
      ...more,
    };
  }

  boundTo(traffic: string): string | undefined {
    const { bindNet } = this.vim.picture.nets.get(this.nets[traffic]!.id)!;
    return this.vim.picture.nets.get(bindNet!)?.name;
  }

  /** What was told, in short: `evidence fenced`, `net.bound`. */
  told(): string[] {
    return this.events
      .filter((e) => e.type !== "port.status" && e.type !== "server.status")
      .map((e) => (e.type === "evidence" ? `${e.evidence.says} by ${e.evidence.source}` : e.type));
  }

  /** Where a packet for anybody that enters this port leaves, by the switch's own word. */
  async leavesAt(port: string): Promise<string> {
    const trace = await this.ovs.trace(`in_port=${port},dl_dst=00:00:00:00:00:99`);
    const out = /Datapath actions: (.*)/.exec(trace)![1]!;
    if (out === "drop") return out;
    const ports = await this.#dpPorts();
    return out
      .split(",")
      .map((no) => ports.get(no)!)
      .sort()
      .join(" and ");
  }

  async #dpPorts(): Promise<Map<string, string>> {
    const shown = await this.ovs.appctl("dpif/show");
    return new Map([...shown.matchAll(/^\s+(\S+) \d+\/(\d+)/gm)].map((m) => [m[2]!, m[1]!]));
  }
}
