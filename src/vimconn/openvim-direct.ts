import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { ServerId } from "../model/ids.ts";
import type { VimAccess } from "../model/ns.ts";
import { type Answer, VimHttp } from "./http.ts";
import { VimSecrets } from "./secrets.ts";

const ASK_TIMEOUT_MS = 5_000;
const ROWS_MAX = 100_000;

/** A row as the VIM shows it, without what it leaves open and without bookmarks. */
export type VimRow = Readonly<Record<string, unknown>>;

export interface DirectAccount {
  readonly url: string;
  readonly adminUrl: string;
  /** Name or id of the tenant in that VIM; null: none is needed. */
  readonly tenant: string | null;
  /** Left out: no token and no certificate is needed. */
  readonly access?: VimAccess;
}

export interface DirectNet {
  readonly id: string;
  readonly name: string;
  readonly kind: "bridge_data" | "data" | "ptp";
  /** OpenMANO's, with its names. */
  readonly ipProfile: Readonly<Record<string, unknown>> | null;
}

/**
 * What OpenMANO's clients ask of a VIM by hand, and what their instances need there that no NS of ours makes (nets, images, flavors). Every
 * `ensure` is safe to repeat. Failures: VIM_UNREACHABLE; VIM_REFUSED with the VIM's words and `about.status`.
 */
export class OpenVimDirect implements Disposable {
  readonly #account: DirectAccount;
  readonly #http: VimHttp;
  #tenantId: string | null = null;

  constructor(account: DirectAccount, clock: Clock) {
    const trimmed = (url: string) => url.replace(/\/+$/, "");
    this.#account = { ...account, url: trimmed(account.url), adminUrl: trimmed(account.adminUrl) };
    this.#http = new VimHttp(clock, new VimSecrets(account.access ?? null));
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }

  networks(): Promise<VimRow[]> {
    return this.#list("networks", "networks");
  }

  network(id: string): Promise<VimRow> {
    return this.#one(`networks/${encodeURIComponent(id)}`, "network");
  }

  tenants(): Promise<VimRow[]> {
    return this.#list("tenants", "tenants");
  }

  async images(): Promise<VimRow[]> {
    return this.#list(`${await this.#tenant()}/images`, "images");
  }

  async image(id: string): Promise<VimRow> {
    return this.#one(`${await this.#tenant()}/images/${encodeURIComponent(id)}`, "image");
  }

  async flavors(): Promise<VimRow[]> {
    return this.#list(`${await this.#tenant()}/flavors`, "flavors");
  }

  /** Answers it as the VIM has it then. */
  async makeNetwork(wish: Readonly<Record<string, unknown>>): Promise<VimRow> {
    const network = { tenant_id: await this.#tenant(), ...wish };
    const made = (await this.#ask("POST", "networks", { network })) as { network?: { id?: unknown } } | null;
    return this.network(String(made?.network?.id));
  }

  async removeNetwork(id: string): Promise<void> {
    await this.#ask("DELETE", `networks/${encodeURIComponent(id)}`);
  }

  /** Tenants are the administrator's. Answers it as the VIM has it. */
  async makeTenant(name: string, description: string): Promise<VimRow> {
    const body = { tenant: { name, description, enabled: true } };
    const made = (await this.#ask("POST", "tenants", body, this.#account.adminUrl)) as { tenant?: VimRow } | null;
    if (made?.tenant?.id === undefined) throw new Fault("VIM_REFUSED", "POST tenants: the answer has no tenant");
    return made.tenant;
  }

  async removeTenant(id: string): Promise<void> {
    await this.#ask("DELETE", `tenants/${encodeURIComponent(id)}`, undefined, this.#account.adminUrl);
  }

  async outsidePorts(net: string): Promise<VimRow[]> {
    return (await this.#list(`ports?network_id=${encodeURIComponent(net)}`, "ports")).filter(
      (p) => p.device_owner === "external",
    );
  }

  /** Outside ports are the administrator's. */
  async makeOutsidePort(
    net: string,
    { port, vlan, mac }: { readonly port: string; readonly vlan: number | null; readonly mac: string | null },
  ): Promise<VimRow> {
    const at = { name: port, network_id: net, "binding:switch_port": port };
    const body = { port: { ...at, ...(vlan !== null && { "binding:vlan": vlan }), ...(mac !== null && { mac_address: mac }) } };
    const made = (await this.#ask("POST", "ports", body, this.#account.adminUrl)) as { port?: VimRow } | null;
    return made?.port ?? {};
  }

  async removeOutsidePort(id: string): Promise<void> {
    await this.#ask("DELETE", `ports/${encodeURIComponent(id)}`, undefined, this.#account.adminUrl);
  }

  async makeImage(wish: Readonly<Record<string, unknown>>): Promise<VimRow> {
    const made = (await this.#ask("POST", `${await this.#tenant()}/images`, { image: wish })) as { image?: VimRow } | null;
    return made?.image ?? {};
  }

  async removeImage(id: string): Promise<void> {
    await this.#ask("DELETE", `${await this.#tenant()}/images/${encodeURIComponent(id)}`);
  }

  async ensureNet({ id, name, kind, ipProfile }: DirectNet): Promise<void> {
    if (await this.#isThere(`networks/${id}`)) return;
    const network = { id, name, type: kind, tenant_id: await this.#tenant(), shared: false, ...dhcpOf(ipProfile) };
    await this.#ask("POST", "networks", { network });
  }

  /** No error when it is gone already. */
  async dropNet(id: string): Promise<void> {
    await this.removeNetwork(id).catch(passNotFound);
  }

  /** Made unless one with this id is there already. */
  async ensureImage(wish: {
    readonly id: string;
    readonly name: string;
    readonly path: string | null;
    readonly metadata: object | null;
  }): Promise<void> {
    const images = `${await this.#tenant()}/images`;
    if (await this.#isThere(`${images}/${wish.id}`)) return;
    const { id, name, path, metadata } = wish;
    await this.#ask("POST", images, { image: { id, name, path, ...(metadata && { metadata }) } });
  }

  async dropImage(id: string): Promise<void> {
    await this.removeImage(id).catch(passNotFound);
  }

  async ensureFlavor({
    id,
    name,
    ram,
    vcpus,
    disk,
  }: {
    readonly id: string;
    readonly name: string;
    readonly ram: number;
    readonly vcpus: number;
    readonly disk: number;
  }): Promise<void> {
    const flavors = `${await this.#tenant()}/flavors`;
    if (await this.#isThere(`${flavors}/${id}`)) return;
    await this.#ask("POST", flavors, { flavor: { id, name, ram, vcpus, disk } });
  }

  async dropFlavor(id: string): Promise<void> {
    await this.#ask("DELETE", `${await this.#tenant()}/flavors/${id}`).catch(passNotFound);
  }

  async server(id: ServerId): Promise<VimRow> {
    return this.#one(`${await this.#tenant()}/servers/${id}`, "server");
  }

  portsOf(id: ServerId): Promise<VimRow[]> {
    return this.#list(`ports?device_id=${id}`, "ports");
  }

  async act(id: ServerId, action: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#ask("POST", `${await this.#tenant()}/servers/${id}/action`, action);
  }

  async #tenant(): Promise<string> {
    if (this.#tenantId !== null) return this.#tenantId;
    const { tenant } = this.#account;
    const all = await this.tenants();
    const found = all.find((t) => t.id === tenant || t.name === tenant);
    if (found) {
      this.#tenantId = String(found.id);
      return this.#tenantId;
    }
    const there = all.map((t) => t.name).join(", ") || "none";
    throw new Fault("VIM_REFUSED", `the VIM has no tenant ${JSON.stringify(tenant)}; it has: ${there}`, { status: 404 });
  }

  async #list(path: string, key: string): Promise<VimRow[]> {
    const answer = (await this.#ask("GET", `${path}${path.includes("?") ? "&" : "?"}limit=${ROWS_MAX}`)) as Row | null;
    const rows = answer?.[key];
    if (!Array.isArray(rows)) throw new Fault("VIM_REFUSED", `GET ${path}: the answer has no list ${JSON.stringify(key)}`);
    return rows.map((row) => tidied(row as Row));
  }

  async #one(path: string, key: string): Promise<VimRow> {
    const row = ((await this.#ask("GET", path)) as Row | null)?.[key];
    if (typeof row !== "object" || row === null) throw new Fault("VIM_REFUSED", `GET ${path}: the answer has no ${key}`);
    return tidied(row as Row);
  }

  async #isThere(path: string): Promise<boolean> {
    const answer = await this.#send("GET", path);
    if (answer.status === 404) return false;
    accepted("GET", path, answer);
    return true;
  }

  async #ask(method: string, path: string, body?: unknown, at = this.#account.url): Promise<unknown> {
    return accepted(method, path, await this.#send(method, path, body, at));
  }

  #send(method: string, path: string, body?: unknown, at = this.#account.url): Promise<Answer> {
    return this.#http.ask(method, new URL(`${at}/${path}`), body, ASK_TIMEOUT_MS);
  }
}

type Row = Record<string, unknown>;

const tidied = (row: Row): VimRow =>
  Object.fromEntries(Object.entries(row).filter(([key, value]) => key !== "links" && value !== null && value !== undefined));

/** OpenVIM's words for what an IP profile says; nothing where DHCP is not asked for. */
function dhcpOf(profile: DirectNet["ipProfile"]): Row {
  if (profile === null || profile.dhcp_enabled !== "true" || typeof profile.subnet_address !== "string") return {};
  return { cidr: profile.subnet_address, enable_dhcp: true };
}

function passNotFound(e: unknown): void {
  if (!(e instanceof Fault) || e.code !== "VIM_REFUSED" || e.about.status !== 404) throw e;
}

function accepted(method: string, path: string, { status, body }: Answer): unknown {
  if (status >= 200 && status < 300) return body;
  const said = (body as { error?: { description?: string } } | null)?.error?.description;
  throw new Fault("VIM_REFUSED", `${method} ${path}: HTTP ${status}: ${said ?? JSON.stringify(body)}`, { status });
}
