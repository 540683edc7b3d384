import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { ArmedProtection } from "../model/armed.ts";
import type { GroupId, HostId, NetId, ServerId, VimPortId, VnfcId } from "../model/ids.ts";
import type { VimAccount } from "../model/ns.ts";
import type { VimEvent } from "../model/vim-event.ts";
import { cloudConfigOut } from "./cloud-config.ts";
import type { Bound, Inventory, NetSpec, OutsidePortSpec, ServerSpec, VimConnector, VimServer } from "./connector.ts";
import { type Answer, VimHttp } from "./http.ts";
import { portCountsIn, serverUsageIn } from "./measured.ts";
import { VimSecrets } from "./secrets.ts";
import { SseCutter } from "./sse.ts";
import { inOurTime } from "./vim-clock.ts";
import {
  addressesOut,
  conditionOf,
  linkPortOf,
  netOf,
  pathOf,
  protectionOf,
  protectionOut,
  serverOf,
  type WireCondition,
  type WirePath,
  type WirePort,
  type WireProtection,
  type WireServer,
  type WireVimNet,
} from "./wire.ts";

/** An ordinary question to a VIM that is well takes milliseconds; a whole inventory of a large one some hundreds. */
const ASK_TIMEOUT_MS = 5_000;
/** A switch that is well confirms in 1 ms. After this the next pass asks anew, since what has become of it is unknown. */
const BIND_TIMEOUT_MS = 2_000;
/** The VIM says something every second, if only a comment. Three missed: the connection is as good as cut. */
const STREAM_SILENCE_MS = 3_500;
/** A VIM without a resource gets it with an upgrade, not by being asked every pass. */
const UNSUPPORTED_REST_MS = 60_000;
/** The original answers lists with at most 100 rows unless asked for more. */
const ROWS_MAX = 100_000;

/** The last four are ours. */
const SERVER_FIELDS = "id name description status last_error hostId host_state storage_lost task anti_affinity".split(" ");

/** A VIM that speaks the OpenVIM API with the dissertation's additions and the push stream. */
export function connectOpenVim(account: VimAccount, clock: Clock): VimConnector {
  return new OpenVim(account, clock);
}

class OpenVim implements VimConnector {
  readonly #url: string;
  readonly #adminUrl: string;
  readonly #tenant: string;
  readonly #http: VimHttp;
  readonly #clock: Clock;
  #tenantId: string | null = null;
  /** When what is ours is asked for again of a VIM that has not got it. */
  readonly #againMs = new Map<string, number>();

  constructor(account: VimAccount, clock: Clock) {
    this.#url = account.url.replace(/\/$/, "");
    this.#adminUrl = account.adminUrl.replace(/\/$/, "");
    this.#tenant = account.tenant;
    this.#http = new VimHttp(clock, new VimSecrets(account.access ?? null));
    this.#clock = clock;
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  /** A moment of the VIM's clock, in ours. */
  readonly #inOurs = (vimMs: number): number => this.#http.vimClock.ours(vimMs, this.#clock.now());

  async inventory(signal: AbortSignal): Promise<Inventory> {
    const tenant = await this.#tenantPath(signal);
    const startedAt = this.#clock.now();
    const [servers, ports, nets, hosts, paths, condition] = await Promise.all([
      this.#list<WireServer>(`${tenant}/servers`, "servers", SERVER_FIELDS, signal),
      this.#list<WirePort>("ports", "ports", [], signal),
      this.#list<WireVimNet>("networks", "networks", ["id", "name", "type", "status", "bind_net"], signal),
      this.#hosts(signal),
      this.#ours<{ paths: WirePath[] }>("paths", signal),
      this.#ours<{ condition: WireCondition }>("condition", signal),
    ]);
    return {
      startedAt,
      servers: new Map(servers.map((s) => [s.id as ServerId, serverOf(s)])),
      ports: ports.map(linkPortOf),
      nets: new Map(nets.map((n) => [n.id as NetId, netOf(n)])),
      hosts,
      paths: paths && new Map(paths.paths.map((p) => [p.net as NetId, pathOf(p, this.#inOurs)])),
      condition: condition && conditionOf(condition.condition),
      vimId: this.#http.vimId,
    };
  }

  /** Those that have a `state`, which an original OpenVIM does not show: the others are inventory only. */
  async #hosts(signal: AbortSignal): Promise<ReadonlyMap<HostId, string> | null> {
    try {
      const rows = await this.#list<{ id: string; name: string; state?: string }>("hosts", "hosts", [], signal);
      const asked = rows.filter((h) => h.state !== undefined);
      return asked.length === 0 ? null : new Map(asked.map((h) => [h.id as HostId, h.name]));
    } catch (e) {
      if (e instanceof Fault && e.code === "VIM_REFUSED") return null;
      throw e;
    }
  }

  /** Null from a VIM that has no such resource, as the original, or does not show it to us; it is asked for it again after a while. */
  async #ours<T>(what: string, signal: AbortSignal): Promise<T | null> {
    if (this.#clock.now() < (this.#againMs.get(what) ?? Number.NEGATIVE_INFINITY)) return null;
    const answer = await this.#send("GET", `${this.#url}/${what}`, undefined, signal);
    if (answer.status !== 404 && answer.status !== 403) return accepted("GET", what, answer) as T;
    this.#againMs.set(what, this.#clock.now() + UNSUPPORTED_REST_MS);
    return null;
  }

  async portCounts(signal: AbortSignal) {
    return portCountsIn(await this.#ours("counters", signal));
  }

  async serverUsage(signal: AbortSignal) {
    return serverUsageIn(await this.#ours("usage", signal));
  }

  async sourcesOf(spec: ServerSpec, signal: AbortSignal) {
    const tenant = await this.#tenantPath(signal);
    const [imageRef, flavorRef] = await Promise.all([
      this.#idOf(`${tenant}/images`, "images", spec.image, signal, spec.imageId, spec.imageMd5),
      this.#idOf(`${tenant}/flavors`, "flavors", spec.flavor, signal, spec.flavorId),
    ]);
    return { imageRef, flavorRef };
  }

  async ensureServer(spec: ServerSpec, signal: AbortSignal): Promise<void> {
    if (await this.#server(spec.id, signal)) return;
    const [tenant, sources] = await Promise.all([this.#tenantPath(signal), this.sourcesOf(spec, signal)]);
    const networks = spec.nics.map((nic) => ({
      uuid: nic.netId,
      name: nic.name,
      type: "virtual",
      model: "virtio",
      ...(nic.ip !== null && { ip_address: nic.ip }),
    }));
    const { id, name, description, antiAffinityGroup: group } = spec;
    const cmdline = spec.kernelCmdline === null ? {} : { kernel_cmdline: spec.kernelCmdline };
    const told = spec.cloudConfig === undefined ? {} : { cloud_config: cloudConfigOut(spec.cloudConfig) };
    const zone = spec.availabilityZone === undefined ? {} : { availability_zone: spec.availabilityZone };
    const apart = group === null ? {} : { anti_affinity: { group, policy: "preferred" } };
    await this.#ask(
      "POST",
      `${tenant}/servers`,
      { server: { id, name, description, ...sources, networks, ...cmdline, ...told, ...zone, ...apart } },
      signal,
    );
  }

  startServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "start", signal);
  }

  stopServer(id: ServerId, isForced: boolean, signal: AbortSignal): Promise<void> {
    return this.#action(id, isForced ? "forceOff" : "shutdown", signal);
  }

  pauseServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "pause", signal);
  }

  resumeServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "resume", signal);
  }

  rebootServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "reboot", signal, { type: "HARD" });
  }

  rebuildServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "rebuild", signal);
  }

  evacuateServer(id: ServerId, from: HostId, signal: AbortSignal): Promise<void> {
    return this.#action(id, "evacuate", signal, { from });
  }

  async deleteServer(id: ServerId, signal: AbortSignal): Promise<void> {
    await this.#delete(`${this.#url}/${await this.#tenantPath(signal)}/servers/${id}?force=true`, signal);
  }

  async ensureNet({ id, name, isPrivate = false, addresses }: NetSpec, signal: AbortSignal): Promise<void> {
    if (await this.#isThere(`networks/${id}`, signal)) return;
    const whose = isPrivate ? { tenant_id: await this.#tenantPath(signal), shared: false } : { shared: true };
    const network = { id, name, type: "data", ...whose, ...(addresses && addressesOut(addresses)) };
    await this.#ask("POST", "networks", { network }, signal);
  }

  deleteNet(id: NetId, signal: AbortSignal): Promise<void> {
    return this.#delete(`${this.#url}/networks/${id}`, signal);
  }

  async movePort(id: VimPortId, netId: NetId, signal: AbortSignal): Promise<void> {
    await this.#ask("PUT", `ports/${id}`, { port: { network_id: netId } }, signal);
  }

  /** Outside ports are the administrator's. */
  async ensureOutsidePort({ id, name, netId, switchPort, vlan }: OutsidePortSpec, signal: AbortSignal): Promise<void> {
    if (await this.#isThere(`ports/${id}`, signal)) return;
    const port = { id, name, network_id: netId, "binding:switch_port": switchPort, "binding:vlan": vlan };
    const url = `${this.#adminUrl}/ports`;
    accepted("POST", url, await this.#send("POST", url, { port }, signal));
  }

  deleteOutsidePort(id: VimPortId, signal: AbortSignal): Promise<void> {
    return this.#delete(`${this.#adminUrl}/ports/${id}`, signal);
  }

  changeBind(trafficNet: NetId, dataNet: NetId | null, copyNet: NetId | null = null): Promise<Bound> {
    const copy = copyNet === null ? "" : `/${copyNet}`;
    const url = new URL(`${this.#url}/networks/${trafficNet}/${dataNet ?? "delete"}${copy}`);
    return this.#http.ask(dataNet === null ? "DELETE" : "PUT", url, undefined, BIND_TIMEOUT_MS).then((answer) => {
      const { applied } = (accepted("PUT", url.pathname, answer) ?? {}) as {
        applied?: { on_wire_mono_ms: number; barrier_mono_ms: number } | null;
      };
      if (!applied) return { pending: true };
      return {
        pending: false,
        onWireMs: this.#inOurs(applied.on_wire_mono_ms),
        barrierMs: this.#inOurs(applied.barrier_mono_ms),
      };
    });
  }

  async arm(protection: ArmedProtection, signal: AbortSignal): Promise<void> {
    await this.#ask("PUT", `protections/${protection.id}`, { protection: protectionOut(protection) }, signal);
  }

  async armed(id: GroupId, signal: AbortSignal): Promise<ArmedProtection | null> {
    const path = `protections/${id}`;
    const answer = await this.#send("GET", `${this.#url}/${path}`, undefined, signal);
    if (answer.status === 404) return null;
    return protectionOf((accepted("GET", path, answer) as { protection: WireProtection }).protection);
  }

  disarm(id: GroupId, signal: AbortSignal): Promise<void> {
    return this.#delete(`${this.#url}/protections/${id}`, signal);
  }

  async fence(id: GroupId, member: VnfcId, signal: AbortSignal, options = { unlessLast: false }): Promise<void> {
    await this.#ask(
      "PUT",
      `protections/${id}/fence/${member}${options.unlessLast ? "?unless_last=true" : ""}`,
      undefined,
      signal,
    );
  }

  async liftFence(id: GroupId, member: VnfcId, signal: AbortSignal): Promise<void> {
    await this.#ask("DELETE", `protections/${id}/fence/${member}`, undefined, signal);
  }

  async netConnection(net: NetId, signal: AbortSignal): Promise<NetId | null> {
    const answer = (await this.#ask("GET", `networks/${net}/connection`, undefined, signal)) as {
      net_conn?: { net_id: string }[];
    };
    return (answer.net_conn?.[0]?.net_id ?? null) as NetId | null;
  }

  async netBind(net: NetId, signal: AbortSignal): Promise<readonly NetId[]> {
    const answer = (await this.#ask("GET", `networks/${net}/bind`, undefined, signal)) as { bind_id?: { uuid: string }[] };
    return (answer.bind_id ?? []).map((b) => b.uuid as NetId);
  }

  async reinstallAll(signal: AbortSignal): Promise<void> {
    const clear = `${this.#adminUrl}/networks/clear/openflow`;
    accepted("DELETE", clear, await this.#send("DELETE", clear, undefined, signal));
    const all = `${this.#adminUrl}/networks/all/openflow`;
    accepted("PUT", all, await this.#send("PUT", all, undefined, signal));
  }

  async subscribe(
    since: number | null,
    listener: { onOpen(): void; onEvents(events: readonly VimEvent[]): void },
    signal: AbortSignal,
  ): Promise<void> {
    const url = new URL(`${this.#url}/events`);
    if (since !== null) url.searchParams.set("since", String(since));
    const answer = await this.#http.open(url, ASK_TIMEOUT_MS, signal);
    if (answer.statusCode !== 200) {
      answer.destroy();
      throw new Fault("VIM_REFUSED", `GET ${url.href}: HTTP ${answer.statusCode}`, { status: answer.statusCode ?? 0 });
    }
    listener.onOpen();
    await new Promise<void>((_, fail) => {
      const cutter = new SseCutter();
      // What the VIM wrote in one tick comes as one read and several chunks: a fault and what was done about it are heard together.
      const heard: VimEvent[] = [];
      const handOver = () => listener.onEvents(heard.splice(0).map((e) => inOurTime(e, this.#inOurs)));
      const cut = (why: string, cause?: unknown) => {
        answer.destroy();
        fail(new Fault("VIM_UNREACHABLE", `the event stream of ${url.href} ended: ${why}`, {}, { cause }));
      };
      answer.socket.setTimeout(STREAM_SILENCE_MS, () => cut(`nothing heard for ${STREAM_SILENCE_MS} ms`));
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        const events = eventsIn(cutter, chunk);
        if (events instanceof Error) cut("what came is not an event", events);
        else if (events.length > 0) {
          if (heard.length === 0) process.nextTick(handOver);
          heard.push(...events);
        }
      });
      answer.on("error", (e) => cut(e.message, e));
      answer.on("close", () => cut("closed by the VIM"));
    });
  }

  async #action(id: ServerId, action: string, signal: AbortSignal, about: object | null = null): Promise<void> {
    await this.#ask("POST", `${await this.#tenantPath(signal)}/servers/${id}/action`, { [action]: about }, signal);
  }

  async #server(id: ServerId, signal: AbortSignal): Promise<VimServer | null> {
    const path = `${await this.#tenantPath(signal)}/servers/${id}`;
    const answer = await this.#send("GET", `${this.#url}/${path}`, undefined, signal);
    return answer.status === 404 ? null : serverOf((accepted("GET", path, answer) as { server: WireServer }).server);
  }

  async #isThere(path: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#send("GET", `${this.#url}/${path}`, undefined, signal);
    if (answer.status === 404) return false;
    accepted("GET", path, answer);
    return true;
  }

  async #delete(url: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#send("DELETE", url, undefined, signal);
    if (answer.status !== 404) accepted("DELETE", url, answer);
  }

  /** The tenant as it stands in paths: its id, asked for once. */
  async #tenantPath(signal: AbortSignal): Promise<string> {
    if (this.#tenantId !== null) return this.#tenantId;
    const { tenants } = (await this.#ask("GET", "tenants?field=id&field=name", undefined, signal)) as {
      tenants: { id: string; name: string }[];
    };
    const tenant = tenants.find((t) => t.id === this.#tenant || t.name === this.#tenant);
    const there = tenants.map((t) => t.name).join(", ");
    if (!tenant) throw new Fault("VIM_REFUSED", `it has no tenant ${JSON.stringify(this.#tenant)}; it has: ${there}`);
    this.#tenantId = tenant.id;
    return tenant.id;
  }

  /** The id behind a name, which exactly one thing must have; `own` where that is there. One with another checksum than `md5` is not meant. */
  async #idOf(path: string, key: string, name: string, signal: AbortSignal, own?: string, md5?: string): Promise<string> {
    const fields = ["id", "name", ...(md5 === undefined ? [] : ["checksum"])];
    const all = await this.#list<{ id: string; name: string; checksum?: string | null }>(path, key, fields, signal);
    if (own !== undefined && all.some((x) => x.id === own)) return own;
    const isMeant = (checksum?: string | null) => md5 === undefined || (checksum ?? md5).toLowerCase() === md5;
    const found = all.filter((x) => x.name === name && isMeant(x.checksum));
    if (found.length === 1) return found[0]!.id;
    const there = all.map((x) => x.name).join(", ") || "none";
    const what = `${JSON.stringify(name)}${md5 === undefined ? "" : ` and MD5 ${md5}`}`;
    throw new Fault("VIM_REFUSED", `it has ${found.length} ${key} with the name ${what}; it has: ${there}`);
  }

  async #list<T>(path: string, key: string, fields: readonly string[], signal: AbortSignal): Promise<T[]> {
    const query = [...fields.map((f) => `field=${f}`), `limit=${ROWS_MAX}`].join("&");
    const answer = (await this.#ask("GET", `${path}?${query}`, undefined, signal)) as Record<string, T[] | undefined>;
    const rows = answer[key];
    if (!Array.isArray(rows)) throw new Fault("VIM_REFUSED", `GET ${path}: the answer has no list ${JSON.stringify(key)}`);
    return rows;
  }

  async #ask(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    return accepted(method, path, await this.#send(method, `${this.#url}/${path}`, body, signal));
  }

  #send(method: string, url: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    return this.#http.ask(method, new URL(url), body, ASK_TIMEOUT_MS, signal);
  }
}

function eventsIn(cutter: SseCutter, chunk: string): VimEvent[] | Error {
  try {
    return cutter.push(chunk).map((text) => JSON.parse(text) as VimEvent);
  } catch (e) {
    return e instanceof Error ? e : new Error(String(e));
  }
}

/** The body of an answer that says yes; else VIM_REFUSED with the VIM's own description. */
function accepted(method: string, path: string, { status, body }: Answer): unknown {
  if (status >= 200 && status < 300) return body;
  const error = (body as { error?: { description?: string; hosts?: readonly { name: string; reason: string }[] } } | null)?.error;
  const perHost = error?.hosts?.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  const said = error?.description ?? (typeof body === "string" ? body : JSON.stringify(body));
  const words = perHost ? `${said} (${perHost})` : said;
  throw new Fault("VIM_REFUSED", `${method} ${path}: HTTP ${status}: ${words}`, { status });
}
