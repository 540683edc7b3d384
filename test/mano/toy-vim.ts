import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CLOCK_HEADER } from "../../src/lib/clock-id.ts";
import type { Fired } from "../../src/model/armed.ts";
import type { VimEvent, VimEventBody } from "../../src/model/vim-event.ts";
import { inOurTime } from "../../src/vimconn/vim-clock.ts";
import { pathOf, type WireProtection as ToyProtection, type WireCondition, type WirePath } from "../../src/vimconn/wire.ts";

/** One server of the toy. `ip` is that of its service port. */
export interface ToyServer {
  id: string;
  name: string;
  status: string;
  networks: { uuid: string; name: string; ip_address?: string }[];
  hostId?: string;
  /** What it was made from. */
  imageRef?: string;
  /** What it was made anew from; left out: what it was made from. */
  image?: { id: string };
  extended?: { devices: { type: string }[] };
  host_state?: "up" | "unreachable" | "gone";
}

/**
 * The wire contract of the VIM (lists, servers, binds, event stream), kept by a few lines and no switch behind it, so that
 * the MANO can be shown things no real VIM does on command: silence, half an answer, a cut stream, a death between two
 * requests. What the two do together is tested with the real one.
 */
/** An image or a flavor. */
export interface ToyThing {
  readonly id: string;
  readonly name: string;
  readonly path?: string;
  status?: string;
  progress?: number;
  last_error?: string;
}

export class ToyVim implements AsyncDisposable {
  readonly nets = new Map<string, { id: string; name: string; bind_net?: string }>();
  readonly servers = new Map<string, ToyServer>();
  readonly ports = new Map<
    string,
    {
      id: string;
      name: string;
      "binding:switch_port"?: string;
      "binding:vlan"?: number;
      /** None: a cable enters the switch here. */
      device_id?: string;
      network_id: string;
      status: string;
      ip_address?: string;
      fenced?: boolean;
      stale?: boolean;
      opinions?: Record<string, string>;
      bfd?: { protected: boolean; why?: string };
    }
  >();
  /** Every request that changes something, as "METHOD path". */
  readonly asked: string[] = [];
  readonly events: VimEvent[] = [];
  /** What is armed, as the bodies came; null: it has no protections, as the original. */
  protections: Map<string, ToyProtection> | null = new Map();
  /** What it says of the ways its binds lead; null: it does not look, as the original. */
  paths: Map<string, WirePath> | null = null;
  /** Every request about them, as "METHOD path", with the revision where there is one. Not among `asked`: they move nothing. */
  readonly armings: string[] = [];
  /** How it is; null: it does not say. */
  condition: WireCondition | null = null;
  /** What a port has carried, by its id; null: it does not count, as the original. */
  carried: ((portId: string) => { bytes_in: number; bytes_out: number; packets_in: number; packets_out: number }) | null = null;
  /** What a server has taken of its host, by its name; null: it does not say, as the original. */
  used: ((name: string) => { run: string | null; cpu_ms: number | null; resident_mib: number | null }) | null = null;
  /** Its compute hosts; empty: it says nothing of hosts. */
  hosts: { id: string; name: string; state: string }[] = [];
  /** It takes no server away. */
  keepsServers = false;
  /** What servers were stopped by: "<name> shutdown" or "<name> forceOff". */
  readonly stops: string[] = [];
  /** Names of servers whose guests do not hear that they are asked to shut down. */
  readonly deaf = new Set<string>();
  /** It stops no server. */
  keepsRunning = false;
  /** It plugs no port into another net. */
  refusesMoves = false;
  /** It makes no outside ports. */
  refusesPorts = false;
  /** Told of each request as it comes in. */
  asks: (method: string, path: string) => void = () => {};
  /** Told of each server that is made. */
  made: (server: ToyServer) => void = () => {};
  readonly images = new Map<string, ToyThing>([["images-1", { id: "images-1", name: "media-relay" }]]);
  readonly flavors = new Map<string, ToyThing>([["flavors-1", { id: "flavors-1", name: "media-relay" }]]);
  /** What is said of an image that is made. */
  newImage: Partial<ToyThing> = {};
  /** It makes servers anew from their own image, whatever is asked for: as the original. */
  ignoresImages = false;
  /** Its servers have no disk that could be copied. */
  hasNoDisks = false;
  /** Ids of servers that it was asked to pause. */
  readonly rested = new Set<string>();
  /** What is done to a request before it is answered; false: it is never answered. */
  intercept: (req: IncomingMessage) => boolean | Promise<boolean> = () => true;
  /** ms (monotonic) at which the last request line of a change arrived. */
  lastPutMs = 0;
  #seq = 0;
  /** The clock of another machine, which shows so much more than ours; null: it is on ours. */
  clock: { readonly id: string; readonly aheadMs: number } | null = null;
  readonly #streams = new Set<ServerResponse>();
  #http: Server | null = null;
  #port = 0;

  constructor(nets: readonly string[]) {
    for (const name of nets) this.nets.set(`id-${name}`, { id: `id-${name}`, name });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/openvim`;
  }

  async start(): Promise<this> {
    const http = createServer((req, res) => this.#answer(req, res));
    http.keepAliveTimeout = 60_000;
    await new Promise<void>((ready) => http.listen(this.#port, "127.0.0.1", ready));
    this.#port = (http.address() as AddressInfo).port;
    this.#http = http;
    return this;
  }

  /** As a kill -9: connections are gone at once. */
  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = null;
    if (!http) return;
    http.closeAllConnections();
    await new Promise((r) => http.close(r));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  push(body: VimEventBody, told = true): VimEvent {
    const event = { seq: ++this.#seq, at: new Date().toISOString(), monoMs: monoMs(), ...body } as VimEvent;
    this.events.push(event);
    if (told) for (const res of this.#streams) this.#write(res, event);
    return event;
  }

  cutStreams(): void {
    for (const res of this.#streams) res.destroy();
  }

  /** A server runs and answers. */
  up(name: string): void {
    const s = this.byName(name);
    this.boots(name);
    for (const p of this.#portsOf(s)) Object.assign(p, { status: "ACTIVE", fenced: false });
    for (const p of this.#portsOf(s)) {
      this.push({
        type: "evidence",
        evidence: { about: { kind: "port", id: p.id as never }, says: "answers", source: "arpProbe", seenAt: monoMs() },
      });
    }
    this.push({ type: "server.status", serverId: s.id as never, status: "ACTIVE", was: null });
  }

  /** Its machine runs, and its guest does not answer yet. */
  boots(name: string): void {
    const s = this.byName(name);
    s.status = "ACTIVE";
    this.push({
      type: "evidence",
      evidence: { about: { kind: "server", id: s.id as never }, says: "running", source: "qmp", seenAt: monoMs() },
    });
  }

  /** A server dies; each source tells it. */
  down(name: string, status = "INACTIVE", sources = ["processExit", "qmp"] as const): void {
    const s = this.byName(name);
    s.status = status;
    for (const p of this.#portsOf(s)) p.status = "DOWN";
    const says = status === "PAUSED" ? "paused" : "stopped";
    for (const source of sources)
      this.push({ type: "evidence", evidence: { about: { kind: "server", id: s.id as never }, says, source, seenAt: monoMs() } });
    this.push({ type: "server.status", serverId: s.id as never, status: status as never, was: "ACTIVE" });
  }

  byName(name: string): ToyServer {
    const found = [...this.servers.values()].find((s) => s.name === name);
    if (!found) throw new Error(`the toy has no server ${name}`);
    return found;
  }

  boundTo(net: string): string | null {
    return this.nets.get(`id-${net}`)?.bind_net?.slice(3) ?? null;
  }

  #portsOf(s: ToyServer) {
    return [...this.ports.values()].filter((p) => p.device_id === s.id);
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const at = monoMs();
    const url = new URL(req.url ?? "/", this.url);
    this.asks(req.method ?? "", url.pathname);
    const isArming = url.pathname.startsWith("/openvim/protections");
    if (req.method !== "GET" && !isArming) {
      this.lastPutMs = at;
      this.asked.push(`${req.method} ${url.pathname.replace("/openvim/", "")}`);
    }
    const isAnswered = isArming || this.intercept(req);
    if (isAnswered !== true && !(await isAnswered)) return;
    let text = "";
    req.on("data", (c) => (text += c));
    req.on("end", () => {
      const [kind, a, b, c] = url.pathname.replace("/openvim/", "").split("/");
      if (this.clock !== null) res.setHeader(CLOCK_HEADER, `${this.clock.id} ${this.#shown(monoMs())}`);
      if (kind === "events") return this.#stream(res, url);
      const [status, body] = isArming
        ? this.#arming(req.method ?? "", a ?? "", c, text === "" ? null : JSON.parse(text))
        : this.#do(req.method ?? "", [kind, a, b], text === "" ? null : JSON.parse(text));
      res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  }

  /** What its own clock shows at a moment of ours. */
  readonly #shown = (ms: number): number => ms + (this.clock?.aheadMs ?? 0);

  #write(res: ServerResponse, event: VimEvent): void {
    const e = inOurTime(event, this.#shown);
    res.write(`id: ${e.seq}\ndata: ${JSON.stringify(e)}\n\n`);
  }

  #stream(res: ServerResponse, url: URL): void {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(": open\n\n");
    const since = url.searchParams.get("since");
    if (since !== null) for (const e of this.events) if (e.seq > Number(since)) this.#write(res, e);
    this.#streams.add(res);
    const alive = setInterval(() => res.write(": alive\n\n"), 1000);
    res.on("close", () => {
      clearInterval(alive);
      this.#streams.delete(res);
    });
  }

  // biome-ignore lint/suspicious/noExplicitAny: bodies of a toy.
  #do(method: string, [kind, a, b]: (string | undefined)[], body: any): [number, unknown] {
    const is = (m: string, k: string | undefined) => method === m && k !== undefined;
    if (kind === "tenants") return [200, { tenants: [{ id: "t", name: "default" }] }];
    if (kind === "hosts") return [200, { hosts: this.hosts }];
    if (kind === "ports") return this.#ports(method, a, body);
    if (kind === "condition" && this.condition !== null) return [200, { condition: this.condition }];
    if (kind === "counters" && this.carried !== null) return [200, { counters: this.#counters() }];
    if (kind === "usage" && this.used !== null) return [200, { usage: this.#usage() }];
    if (kind === "paths" && this.paths !== null) return [200, { paths: [...this.paths.values()] }];
    if (kind === "networks" && a === undefined && method === "POST") return this.#newNet(body.network);
    if (kind === "networks" && a !== undefined && b === undefined) return this.#net(method, a);
    if (kind === "networks" && a === undefined)
      return [200, { networks: [...this.nets.values()].map((n) => ({ type: "data", status: "ACTIVE", ...n })) }];
    if (kind === "networks" && b === "bind")
      return [200, { bind_id: [...this.nets.values()].filter((n) => n.bind_net === a).map((n) => ({ uuid: n.id })) }];
    if (kind === "networks" && b === "connection") return [200, { net_conn: [{ net_id: a }] }];
    if (kind === "networks" && b === "openflow") return [200, { result: "ok" }];
    if (kind === "networks" && is("PUT", b)) return this.#bind(a!, b!);
    if (kind === "networks" && method === "DELETE") return this.#bind(a!, null);
    if (a === "images" || a === "flavors") return this.#made(method, a, b, body);
    if (a === "servers" && method === "GET" && b === undefined) return [200, { servers: [...this.servers.values()] }];
    if (a === "servers" && method === "POST" && b === undefined) return this.#create(body.server);
    const server = this.servers.get(b ?? "");
    if (!server) return [404, { error: { code: 404, description: `instance '${b}' not found` } }];
    if (method === "POST" && "evacuate" in body) return this.#evacuate(server, body.evacuate.from);
    if (method === "POST" && "createImage" in body) return this.#copy(body.createImage);
    if (method === "POST" && body.rebuild?.imageRef) return this.#rebuild(server, body.rebuild.imageRef);
    const isStop = method === "POST" && ("shutdown" in body || "forceOff" in body);
    if (isStop && this.keepsRunning) return [409, { error: { code: 409, description: "it cannot be stopped now" } }];
    if (method === "POST") this.#act(server, Object.keys(body)[0]);
    if (method === "DELETE" && this.keepsServers)
      return [409, { error: { code: 409, description: "a snapshot of it is being made" } }];
    if (method === "DELETE") {
      this.servers.delete(server.id);
      for (const p of this.#portsOf(server)) this.ports.delete(p.id);
      return [200, { result: "deleting in process" }];
    }
    return [200, method === "GET" ? { server } : { result: "deleting in process" }];
  }

  #counters() {
    return [...this.ports.values()].map((p) => ({
      port_id: p.id,
      name: p.name,
      server_id: p.device_id ?? null,
      network_id: p.network_id,
      network_name: this.nets.get(p.network_id)?.name ?? null,
      ...this.carried!(p.id),
    }));
  }

  #usage() {
    return [...this.servers.values()].map(({ id, name }) => ({
      ...{ server_id: id, name, read_mono_ms: monoMs(), vcpus: 1, memory_mib: 100 },
      ...this.used!(name),
    }));
  }

  // biome-ignore lint/suspicious/noExplicitAny: bodies of a toy.
  #made(method: string, kind: "images" | "flavors", id: string | undefined, body: any): [number, unknown] {
    const one = kind.slice(0, -1);
    const things = kind === "images" ? this.images : this.flavors;
    const asked = body?.[one];
    if (asked) things.set(asked.id, { ...asked, ...(kind === "images" && this.newImage) });
    const found = things.get(id ?? asked?.id ?? "");
    if (id === undefined && !asked) return [200, { [kind]: [...things.values()] }];
    if (!found) return [404, { error: { code: 404, description: `${one} '${id}' not found` } }];
    if (method === "DELETE") things.delete(found.id);
    return [200, { [one]: found }];
  }

  #copy({ id, name }: ToyThing): [number, unknown] {
    if (this.hasNoDisks) return [404, { error: { code: 404, description: "disk not found for server" } }];
    if (this.images.has(id)) return [409, { error: { code: 409, description: `uuid '${id}' already in use` } }];
    const image = { id, name, status: "ACTIVE", ...this.newImage };
    this.images.set(image.id, image);
    return [200, { image }];
  }

  /** Its new life begins when the test says so (`up`). */
  #rebuild(server: ToyServer, imageRef: string): [number, unknown] {
    if (this.images.get(imageRef)?.status !== "ACTIVE")
      return [404, { error: { code: 404, description: `no image ${imageRef}` } }];
    this.down(server.name);
    Object.assign(server, { status: "CREATING", ...(!this.ignoresImages && { image: { id: imageRef } }) });
    return [200, { result: "deleting in process" }];
  }

  #newNet(network: { id: string; name: string }): [number, unknown] {
    this.nets.set(network.id, network);
    return [200, { network }];
  }

  #net(method: string, id: string): [number, unknown] {
    const network = this.nets.get(id);
    if (!network) return [404, { error: { description: `network '${id}' not found` } }];
    const isUsed = [...this.ports.values()].some((p) => p.network_id === id);
    if (method === "DELETE" && isUsed) return [409, { error: { description: `Error deleting network '${id}': dependencies` } }];
    if (method === "DELETE") this.nets.delete(id);
    return [200, { network }];
  }

  // biome-ignore lint/suspicious/noExplicitAny: bodies of a toy.
  #ports(method: string, id: string | undefined, body: any): [number, unknown] {
    if (method === "POST" && this.refusesPorts) return [409, { error: { description: "no outside ports" } }];
    if (method === "POST") this.ports.set(body.port.id, { status: "ACTIVE", ...body.port });
    else if (id === undefined) return [200, { ports: [...this.ports.values()] }];
    const port = this.ports.get(id ?? body.port.id);
    if (!port) return [404, { error: { description: `port '${id}' not found` } }];
    if (method === "DELETE") this.ports.delete(port.id);
    if (method === "PUT" && this.refusesMoves) return [403, { error: { description: "there is no other net for it" } }];
    if (method === "PUT") Object.assign(port, body.port);
    return [200, { port }];
  }

  /** The light on an outside port goes, or comes. */
  link(portId: string, isUp: boolean): void {
    this.ports.get(portId)!.status = isUp ? "ACTIVE" : "DOWN";
    const about = { kind: "port", id: portId as never } as const;
    const says = isUp ? "linkUp" : "linkDown";
    this.push({ type: "evidence", evidence: { about, says, source: "portStatus", seenAt: monoMs() } });
  }

  /** An opinion about a port. */
  opinion(portId: string, source: "probe" | "traffic", says: "silent" | "answers"): void {
    const about = { kind: "port", id: portId as never } as const;
    this.push({ type: "evidence", evidence: { about, says, source, seenAt: monoMs() } });
  }

  /** To the first host that is up; its new life begins when the test says so (`up`). */
  #evacuate(server: ToyServer, from: string): [number, unknown] {
    if (server.hostId !== from) return [200, { server }];
    const host = this.hosts.find((h) => h.id !== from && h.state === "up");
    if (!host) return [400, { error: { description: "No room at data center." } }];
    Object.assign(server, { hostId: host.id, host_state: "up", status: "INACTIVE" });
    return [200, { server }];
  }

  /** A pause is done at once, and what it paused is resumed at once; it answers when it is told to (`up`). The other actions are for the test to do. */
  #act(server: ToyServer, action: string | undefined): void {
    if (action === "pause" && server.status === "ACTIVE") {
      this.rested.add(server.id);
      this.down(server.name, "PAUSED");
    }
    if (action === "shutdown" || action === "forceOff") {
      this.stops.push(`${server.name} ${action}`);
      const isHeard = action === "forceOff" || !this.deaf.has(server.name);
      if (server.status === "ACTIVE" && isHeard) this.down(server.name);
    }
    if (action !== "resume" || !this.rested.delete(server.id)) return;
    server.status = "ACTIVE";
    for (const p of this.#portsOf(server)) p.status = "BUILD";
    const about = { kind: "server", id: server.id as never } as const;
    this.push({ type: "evidence", evidence: { about, says: "running", source: "qmp", seenAt: monoMs() } });
    this.push({ type: "server.status", serverId: server.id as never, status: "ACTIVE", was: "PAUSED" });
  }

  /** `member`: of a request to fence it. */
  #arming(method: string, id: string, member: string | undefined, body: { protection: ToyProtection } | null): [number, unknown] {
    const had = this.protections?.get(id);
    this.armings.push([method, member ? `fence ${member}` : (body?.protection.revision ?? "")].join(" ").trim());
    if (this.protections === null || (!had && method !== "PUT")) return [404, { error: { description: `no ${id}` } }];
    const fenced = had?.members.find((m) => m.id === member);
    if (fenced && method === "DELETE") this.#open(fenced);
    else if (fenced?.server_id === null) this.#fencePort(this.#wayOf(fenced), true);
    else if (fenced) this.fence(fenced.server_id!);
    else if (method === "DELETE") this.protections.delete(id);
    else if (method === "PUT") {
      const { protection } = body!;
      if (had && had.revision >= protection.revision) return [409, { error: { description: `it has revision ${had.revision}` } }];
      this.protections.set(id, protection);
    }
    return [200, { protection: this.protections.get(id) }];
  }

  /** Its service port is closed, and that is told. */
  fence(serverId: string, told = true): void {
    this.#fencePort([...this.ports.values()].find((p) => p.device_id === serverId && p.name === "eth1")!, told);
  }

  #wayOf = (m: { data_net: string }) => [...this.ports.values()].find((p) => !p.device_id && p.network_id === m.data_net)!;

  #open(member: { data_net: string }): void {
    const port = this.#wayOf(member);
    port.fenced = false;
    const about = { kind: "port", id: port.id as never } as const;
    this.push({ type: "evidence", evidence: { about, says: "linkUp", source: "fence", seenAt: monoMs() } });
  }

  #fencePort(port: { id: string; fenced?: boolean }, told: boolean): void {
    port.fenced = true;
    const about = { kind: "port", id: port.id as never } as const;
    this.push(
      { type: "evidence", evidence: { about, says: "fenced", source: "fence", seenAt: monoMs(), detail: "silent" } },
      told,
    );
  }

  /** Carries the plan of a failed server out, as the armed VIM does in the tick of the evidence. Gives what is to be told. */
  fire(name: string, firedAt = monoMs()): Fired {
    const server = this.byName(name);
    const [id, armed] = [...this.protections!].find(([, p]) => p.members.some((m) => m.server_id === server.id))!;
    const failed = armed.members.find((m) => m.server_id === server.id)!.id;
    const plan = armed.plans.find((p) => p.failed === failed)!;
    for (const { net } of plan.moves) this.paths?.delete(net);
    for (const { net, to } of plan.moves) this.nets.get(net)!.bind_net = armed.members.find((m) => m.id === to)!.data_net;
    const moves = plan.moves.map(({ net, to }) => ({ trafficNet: net as never, to: to as never }));
    const { because } = plan;
    const at = { firedAt, onWireAt: firedAt + 0.3, barrierAt: null };
    return { protectionId: id as never, revision: armed.revision, failed: failed as never, moves, because, ...at };
  }

  tellFired(fired: Fired, told = true): void {
    for (const { trafficNet } of fired.moves) {
      const bindNet = this.nets.get(trafficNet)!.bind_net as never;
      this.push({ type: "net.bound", netId: trafficNet, bindNet, was: null }, told);
    }
    this.push({ type: "protection.fired", fired }, told);
    this.push({ type: "protection.confirmed", fired: { ...fired, barrierAt: fired.firedAt + 0.9 } }, told);
  }

  /** What it found of a net's present bind; pending is not told. */
  found(net: string, state: WirePath["state"], isTold = true): WirePath {
    const id = `id-${net}`;
    const how = state === "verified" ? "traffic" : null;
    const at_mono_ms = state === "pending" ? null : monoMs();
    const path = {
      net: id,
      bind_net: this.nets.get(id)!.bind_net!,
      state,
      how,
      why: `${state}, says the toy`,
      at_mono_ms,
    } as const;
    this.paths!.set(id, path);
    if (state !== "pending") this.push({ type: `path.${state}`, path: pathOf(path, (ms) => ms) }, isTold);
    return path;
  }

  #bind(net: string, to: string | null): [number, unknown] {
    this.paths?.delete(net);
    const found = this.nets.get(net);
    if (!found) return [404, { error: { description: `network '${net}' not found` } }];
    const full = to === null ? null : this.#fullFor(net, to);
    if (full !== null) return [409, { error: { description: `${full} carries all it may` } }];
    if (to === null) delete found.bind_net;
    else found.bind_net = to;
    const now = this.#shown(monoMs());
    return [200, { network: found, applied: { changes: 2, on_wire_mono_ms: now, barrier_mono_ms: now + 0.2 } }];
  }

  /** Who carries all it may by what is armed, so that this net cannot be led there; null: nobody. */
  #fullFor(net: string, to: string): string | null {
    const carried = [...this.nets.values()].filter((n) => n.bind_net === to && n.id !== net).length;
    const members = [...(this.protections?.values() ?? [])].flatMap((p) => p.members);
    return members.find((m) => m.data_net === to && m.capacity != null && carried >= m.capacity)?.name ?? null;
  }

  #create(server: ToyServer): [number, unknown] {
    if (this.servers.has(server.id)) return [409, { error: { description: "Value already in use for 'uuid'" } }];
    this.servers.set(server.id, { ...server, status: "CREATING" });
    for (const [i, n] of server.networks.entries()) {
      const id = `${server.id}-${i}`;
      this.ports.set(id, {
        id,
        name: n.name,
        device_id: server.id,
        network_id: n.uuid,
        status: "BUILD",
        ...(n.ip_address && { ip_address: n.ip_address }),
      });
    }
    this.made(server);
    return [200, { server }];
  }
}

export const monoMs = (): number => Number(process.hrtime.bigint()) / 1e6;
