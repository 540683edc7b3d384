import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { HostId, NetId, VimPortId } from "../model/ids.ts";
import type { Path } from "../model/path.ts";
import type { Asking } from "./asking.ts";
import type { Inventory, VimLinkPort, VimNet, VimServer } from "./connector.ts";
import { KeptRows } from "./kept-rows.ts";
import { conditionOf, linkPortOf, netOf, pathOf, serverOf, type WireCondition, type WirePath } from "./wire.ts";

/** The last four are ours. */
const SERVER_FIELDS = "id name description status last_error hostId host_state storage_lost task anti_affinity".split(" ");
const NET_FIELDS = "id name type status bind_net".split(" ");

/** Looks at the whole of a VIM, one look after the other. What has not changed since the one before is the same object. */
export class Look {
  readonly #asking: Asking;
  readonly #clock: Clock;
  /** A moment of the VIM's clock, in ours. */
  readonly #inOurs: (vimMs: number) => number;
  readonly #servers = new KeptRows<VimServer>();
  readonly #nets = new KeptRows<VimNet>();
  readonly #ports = new KeptRows<VimLinkPort>();
  #portsById: ReadonlyMap<VimPortId, VimLinkPort> = new Map();
  #portList: readonly VimLinkPort[] = [];

  constructor(asking: Asking, clock: Clock, inOurs: (vimMs: number) => number) {
    this.#asking = asking;
    this.#clock = clock;
    this.#inOurs = inOurs;
  }

  /** `tenant`: whose servers, as it stands in paths. */
  async at(tenant: string, signal: AbortSignal): Promise<Omit<Inventory, "vimId">> {
    const startedAt = this.#clock.now();
    const [servers, portsById, nets, hosts, paths, condition] = await Promise.all([
      this.#kept(this.#servers, serverOf, [`${tenant}/servers`, "servers", SERVER_FIELDS], signal),
      this.#kept(this.#ports, linkPortOf, ["ports", "ports", []], signal),
      this.#kept(this.#nets, netOf, ["networks", "networks", NET_FIELDS], signal),
      this.#hosts(signal),
      this.#paths(signal),
      this.#asking.ours<{ condition: WireCondition }>("condition", signal),
    ]);
    if (portsById !== this.#portsById) this.#portList = [...portsById.values()];
    this.#portsById = portsById;
    const ports = this.#portList;
    return { startedAt, servers, ports, nets, hosts, paths, condition: condition && conditionOf(condition.condition) };
  }

  async #kept<W, T extends { readonly id: string }>(
    rows: KeptRows<T>,
    of: (row: W) => T,
    [path, key, fields]: readonly [string, string, readonly string[]],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<T["id"], T>> {
    const reading = rows.reading();
    await this.#asking.each<W>(path, key, fields, (row) => reading.take(of(row)), signal);
    return reading.end();
  }

  /** Null: it does not look whether packets pass. */
  async #paths(signal: AbortSignal): Promise<ReadonlyMap<NetId, Path> | null> {
    const found = new Map<NetId, Path>();
    const take = (row: WirePath) => void found.set(row.net as NetId, pathOf(row, this.#inOurs));
    return (await this.#asking.eachOfOurs("paths", take, signal)) ? found : null;
  }

  /** Those that have a `state`, which an original OpenVIM does not show: the others are inventory only. */
  async #hosts(signal: AbortSignal): Promise<ReadonlyMap<HostId, string> | null> {
    try {
      const rows = await this.#asking.list<{ id: string; name: string; state?: string }>("hosts", "hosts", [], signal);
      const asked = rows.filter((h) => h.state !== undefined);
      return asked.length === 0 ? null : new Map(asked.map((h) => [h.id as HostId, h.name]));
    } catch (e) {
      if (e instanceof Fault && e.code === "VIM_REFUSED") return null;
      throw e;
    }
  }
}
