import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { ArmedProtection } from "../model/armed.ts";
import type { GroupId, HostId, NetId, ServerId, VimPortId, VnfcId } from "../model/ids.ts";
import type { VimAccount } from "../model/ns.ts";
import type { VimEvent } from "../model/vim-event.ts";
import { accepted, eventsIn } from "./answers.ts";
import { ASK_TIMEOUT_MS, Asking } from "./asking.ts";
import { cloudConfigOut } from "./cloud-config.ts";
import type { Bound, Inventory, NetSpec, OutsidePortSpec, ServerSpec, VimConnector, VimServer } from "./connector.ts";
import { type Answer, VimHttp } from "./http.ts";
import { Look } from "./look.ts";
import { portCountsIn, serverUsageIn } from "./measured.ts";
import { VimSecrets } from "./secrets.ts";
import { SseCutter } from "./sse.ts";
import { inOurTime } from "./vim-clock.ts";
import { addressesOut, protectionOf, protectionOut, serverOf, type WireProtection, type WireServer } from "./wire.ts";

/** A switch that is well confirms in 1 ms. After this the next pass asks anew, since what has become of it is unknown. */
const BIND_TIMEOUT_MS = 2_000;
/** The VIM says something every second, if only a comment. Three missed: the connection is as good as cut. */
const STREAM_SILENCE_MS = 3_500;

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
  readonly #asking: Asking;
  readonly #look: Look;

  constructor(account: VimAccount, clock: Clock) {
    this.#url = account.url.replace(/\/$/, "");
    this.#adminUrl = account.adminUrl.replace(/\/$/, "");
    this.#tenant = account.tenant;
    this.#http = new VimHttp(clock, new VimSecrets(account.access ?? null));
    this.#clock = clock;
    this.#asking = new Asking(this.#http, this.#url, clock);
    this.#look = new Look(this.#asking, clock, this.#inOurs);
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  /** A moment of the VIM's clock, in ours. */
  readonly #inOurs = (vimMs: number): number => this.#http.vimClock.ours(vimMs, this.#clock.now());

  async inventory(signal: AbortSignal): Promise<Inventory> {
    const seen = await this.#look.at(await this.#tenantPath(signal), signal);
    return { ...seen, vimId: this.#http.vimId };
  }

  async portCounts(signal: AbortSignal) {
    return portCountsIn(await this.#asking.ours("counters", signal));
  }

  async serverUsage(signal: AbortSignal) {
    return serverUsageIn(await this.#asking.ours("usage", signal));
  }

  async sourcesOf(spec: ServerSpec, signal: AbortSignal) {
    const tenant = await this.#tenantPath(signal);
    const [imageRef, flavorRef] = await Promise.all([
      this.#idOf(`${tenant}/images`, "images", spec.image, signal, spec.imageId, spec.imageMd5),
      this.#idOf(`${tenant}/flavors`, "flavors", spec.flavor, signal, spec.flavorId),
    ]);
    return { imageRef, flavorRef };
  }

  async ensureServers(specs: readonly ServerSpec[], signal: AbortSignal): Promise<void> {
    const sources = new Map<string, ReturnType<VimConnector["sourcesOf"]>>(); // Twins are made from the same.
    const asked = specs.map((spec) => {
      const key = JSON.stringify([spec.image, spec.imageId, spec.imageMd5, spec.flavor, spec.flavorId]);
      if (!sources.has(key)) sources.set(key, this.sourcesOf(spec, signal));
      return { spec, there: this.#server(spec.id, signal), sources: sources.get(key)! };
    });
    void Promise.allSettled(asked.flatMap((a) => [a.there, a.sources])); // That one of them fails is told where it is waited for.
    for (const { spec, there, sources } of asked) if ((await there) === null) await this.#makeServer(spec, await sources, signal);
  }

  async #makeServer(
    spec: ServerSpec,
    sources: Awaited<ReturnType<VimConnector["sourcesOf"]>>,
    signal: AbortSignal,
  ): Promise<void> {
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
    const server = { id, name, description, ...sources, networks, ...cmdline, ...told, ...zone, ...apart };
    await this.#asking.ask("POST", `${await this.#tenantPath(signal)}/servers`, { server }, signal);
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
    await this.#asking.ask("POST", "networks", { network }, signal);
  }

  deleteNet(id: NetId, signal: AbortSignal): Promise<void> {
    return this.#delete(`${this.#url}/networks/${id}`, signal);
  }

  async movePort(id: VimPortId, netId: NetId, signal: AbortSignal): Promise<void> {
    await this.#asking.ask("PUT", `ports/${id}`, { port: { network_id: netId } }, signal);
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
    await this.#asking.ask("PUT", `protections/${protection.id}`, { protection: protectionOut(protection) }, signal);
  }

  async armed(id: GroupId, signal: AbortSignal): Promise<ArmedProtection | null> {
    const path = `protections/${id}`;
    const answer = await this.#asking.send("GET", path, undefined, signal);
    if (answer.status === 404) return null;
    return protectionOf((accepted("GET", path, answer) as { protection: WireProtection }).protection);
  }

  disarm(id: GroupId, signal: AbortSignal): Promise<void> {
    return this.#delete(`${this.#url}/protections/${id}`, signal);
  }

  async fence(id: GroupId, member: VnfcId, signal: AbortSignal, options = { unlessLast: false }): Promise<void> {
    await this.#asking.ask(
      "PUT",
      `protections/${id}/fence/${member}${options.unlessLast ? "?unless_last=true" : ""}`,
      undefined,
      signal,
    );
  }

  async liftFence(id: GroupId, member: VnfcId, signal: AbortSignal): Promise<void> {
    await this.#asking.ask("DELETE", `protections/${id}/fence/${member}`, undefined, signal);
  }

  async netConnection(net: NetId, signal: AbortSignal): Promise<NetId | null> {
    const answer = (await this.#asking.ask("GET", `networks/${net}/connection`, undefined, signal)) as {
      net_conn?: { net_id: string }[];
    };
    return (answer.net_conn?.[0]?.net_id ?? null) as NetId | null;
  }

  async netBind(net: NetId, signal: AbortSignal): Promise<readonly NetId[]> {
    const answer = (await this.#asking.ask("GET", `networks/${net}/bind`, undefined, signal)) as { bind_id?: { uuid: string }[] };
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
    await this.#asking.ask("POST", `${await this.#tenantPath(signal)}/servers/${id}/action`, { [action]: about }, signal);
  }

  async #server(id: ServerId, signal: AbortSignal): Promise<VimServer | null> {
    const path = `${await this.#tenantPath(signal)}/servers/${id}`;
    const answer = await this.#asking.send("GET", path, undefined, signal);
    return answer.status === 404 ? null : serverOf((accepted("GET", path, answer) as { server: WireServer }).server);
  }

  async #isThere(path: string, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#asking.send("GET", path, undefined, signal);
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
    const { tenants } = (await this.#asking.ask("GET", "tenants?field=id&field=name", undefined, signal)) as {
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
    const all = await this.#asking.list<{ id: string; name: string; checksum?: string | null }>(path, key, fields, signal);
    if (own !== undefined && all.some((x) => x.id === own)) return own;
    const isMeant = (checksum?: string | null) => md5 === undefined || (checksum ?? md5).toLowerCase() === md5;
    const found = all.filter((x) => x.name === name && isMeant(x.checksum));
    if (found.length === 1) return found[0]!.id;
    const there = all.map((x) => x.name).join(", ") || "none";
    const what = `${JSON.stringify(name)}${md5 === undefined ? "" : ` and MD5 ${md5}`}`;
    throw new Fault("VIM_REFUSED", `it has ${found.length} ${key} with the name ${what}; it has: ${there}`);
  }

  /** Of the administrator's, which may be at another address. */
  #send(method: string, url: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    return this.#http.ask(method, new URL(url), body, ASK_TIMEOUT_MS, signal);
  }
}
