import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HostId } from "../model/ids.ts";
import type { HostInterface, Numa, Pinned, Thread } from "../model/numa.ts";
import type { Host } from "../model/vim-picture.ts";
import { lackOf, type Need, numaNeedOf, plainNeedOf } from "./need.ts";
import { type Occupied, place } from "./place.ts";

const host = (id: string, memoryMiB: number, more: Partial<Host> = {}) =>
  ({
    id: id as HostId,
    name: id,
    memoryMiB,
    cpus: 1,
    adminUp: true,
    status: "ok",
    hypervisors: "kvm",
    isLocal: true,
    availabilityZone: null,
    numas: [],
    ...more,
  }) as unknown as Host;
const free = (h: Host, memoryMiB = 0, vcpus = 0): Occupied => ({
  ...{ host: h, memoryMiB, vcpus, pinned: [], neighbours: [], inItsZone: 0, away: null },
});
const NEED: Need = {
  ...{ memoryMiB: 100, vcpus: 1, numa: numaNeedOf(null), hypervisor: "kvm", preferred: null, only: null },
  ...{ availabilityZone: null, antiAffinity: null, leaves: null, onlySwitched: true },
};

const ROOM = "No room at data center. Cannot find a host";
const BARRED = `${ROOM} that may take the server`;

describe("hosts", () => {
  const apart = (policy: "required" | "preferred") => ({ antiAffinity: { group: "g", policy } });
  const withTwin = (h: Host): Occupied => ({ ...free(h), neighbours: ["twin"] });
  const inTwinsZone = (h: Host): Occupied => ({ ...free(h), inItsZone: 1 });
  const away = (h: Host, isLong: boolean): Occupied => ({ ...free(h), away: { why: "libvirtd is silent", isLong } });
  const twinIsThere = "anti-affinity group g: twin is there";
  for (const [what, hosts, more, wanted] of [
    ["the fullest that has room", [free(host("a", 900)), free(host("b", 300)), free(host("c", 50))], {}, "b"],
    ["what runs there counts", [free(host("a", 150), 100), free(host("b", 900))], {}, "b"],
    ["vCPUs count, four to a thread", [free(host("a", 150), 0, 4), free(host("b", 900), 0, 3)], {}, "b"],
    ["the host asked for before a fuller one", [free(host("a", 900)), free(host("b", 300))], { preferred: "a" }, "a"],
    ["another where the host asked for has no room", [free(host("a", 50)), free(host("b", 300))], { preferred: "a" }, "b"],
    [
      "no other where only one counts",
      [free(host("a", 50)), free(host("b", 300))],
      { only: "a" },
      [`${ROOM} with 100 MB memory and 1 cpus available`, "50 MB memory free", "another host was asked for"],
    ],
    [
      "an inventory host cannot run it",
      [free(host("a", 900, { isLocal: false }))],
      {},
      [BARRED, "this VIM does not speak to it"],
    ],
    [
      "a host that is admin down",
      [free(host("a", 900, { adminUp: false }))],
      {},
      [`${ROOM} with 100 MB memory and 1 cpus available`, "its admin_state_up is false"],
    ],
    [
      "huge pages",
      [free(host("a", 900))],
      { numa: numaNeedOf({ numas: [{ memory: 4 }] }) },
      [`${ROOM} with 4 GB Hugepages memory available`, "numa 0: 0 GB hugepages free"],
    ],
    [
      "another hypervisor",
      [free(host("a", 900))],
      { hypervisor: "xen-unik" },
      [`${ROOM} with xen-unik hypervisor or it does not have enough resources available`, "its hypervisors are kvm"],
    ],
    ["one of several hypervisors", [free(host("a", 900, { hypervisors: "kvm,xen-unik" }))], { hypervisor: "xen-unik" }, "a"],
    ["nothing there", [], {}, [`${ROOM} with 100 MB memory and 1 cpus available`]],
    ["not with its twin", [withTwin(host("a", 200)), free(host("b", 900))], apart("required"), "b"],
    ["in another zone than its twin", [inTwinsZone(host("a", 200)), free(host("b", 900))], apart("preferred"), "b"],
    ["in its twin's zone where no other has room", [inTwinsZone(host("a", 200)), free(host("b", 50))], apart("required"), "a"],
    [
      "in its twin's zone before beside its twin",
      [withTwin(host("a", 200)), inTwinsZone(host("b", 900))],
      apart("preferred"),
      "b",
    ],
    ["nowhere but with its twin", [withTwin(host("a", 200))], apart("required"), [BARRED, twinIsThere]],
    ["rather without its twin", [withTwin(host("a", 200)), free(host("b", 900))], apart("preferred"), "b"],
    ["with its twin before nowhere", [withTwin(host("a", 200)), free(host("b", 50))], apart("preferred"), "a"],
    ["its twin is no obstacle to who does not ask", [withTwin(host("a", 200))], {}, "a"],
    [
      "the zone asked for",
      [free(host("a", 200)), free(host("b", 900, { availabilityZone: "z" }))],
      { availabilityZone: "z" },
      "b",
    ],
    ["no host of the zone", [free(host("a", 200))], { availabilityZone: "z" }, [BARRED, "it is in no availability zone"]],
    ["one that can be asked before one that is away", [away(host("a", 200), false), free(host("b", 900))], {}, "b"],
    ["one that was away for a moment before none", [away(host("a", 200), false)], {}, "a"],
    ["not one that is away for long", [away(host("a", 200), true)], {}, [BARRED, "it cannot be asked: libvirtd is silent"]],
    ["not the host it leaves", [free(host("a", 200)), free(host("b", 900))], { leaves: "a" }, "b"],
    [
      "not one that is away, where it leaves another",
      [away(host("a", 200), false)],
      { leaves: "b" },
      [BARRED, "it cannot be asked: libvirtd is silent"],
    ],
    [
      "each host says why",
      [free(host("a", 50)), free(host("b", 900), 0, 4), free(host("c", 900, { adminUp: false }))],
      {},
      [`${ROOM} with 100 MB memory and 1 cpus available`, "50 MB memory free", "0 cpus free", "its admin_state_up is false"],
    ],
    [
      "OpenVIM's sentence for the hosts where it may go",
      [free(host("a", 50)), withTwin(host("b", 900))],
      apart("required"),
      [`${ROOM} with 100 MB memory and 1 cpus available`, "50 MB memory free", twinIsThere],
    ],
  ] as const) {
    test(`${what}: ${typeof wanted === "string" ? wanted : wanted[0]}`, () => {
      const placed = place({ ...NEED, ...(more as object) }, hosts);
      if (typeof wanted === "string") expect(placed).toEqual({ hostId: wanted, pinned: null });
      else {
        const [reason, ...reasons] = wanted;
        expect(placed).toEqual({ reason, hosts: reasons.map((r, i) => ({ name: hosts[i]!.host.name, reason: r })) });
      }
    });
  }
});

/** Two threads to a core, numbered as Linux does: the second of core c is `c + cores`. */
const threads = (cores: number, kept = 0): Thread[] =>
  Array.from({ length: 2 * cores }, (_, i) => ({
    coreId: i % cores,
    threadId: i,
    status: i % cores < kept ? "noteligible" : null,
  }));
const card = (n: number, more: Partial<HostInterface> = {}): HostInterface => ({
  ...{ sourceName: `p${n}`, pci: `0000:0${n}:00.0`, mac: `a0:00:00:00:0${n}:00`, mbps: 10_000 },
  ...{ switchPort: `port0/${n}`, switchDpid: null, switchMac: null },
  sriovs: [1, 2].map((v) => ({ pci: `0000:0${n}:10.${v}`, mac: `a0:00:00:00:0${n}:0${v}`, sourceName: `${v}` })),
  ...more,
});
const numa = (numaSocket: number, more: Partial<Numa> = {}): Numa => ({
  ...{ numaSocket, hugepagesGiB: 8, memoryGiB: 10, adminUp: true, cores: threads(4), interfaces: [] },
  ...more,
});
const big = (id: string, ...numas: Numa[]) => host(id, 2_048, { numas });
const asks = (n: Parameters<typeof numaNeedOf>[0], more: Partial<Need> = {}): Need => {
  const need = numaNeedOf(n);
  return { ...NEED, ...plainNeedOf({ memoryMiB: 512, vcpus: 1 }, need), numa: need, ...more };
};
const one = (n: object) => ({ numas: [n] });
const pinnedBy = (need: Need, ...hosts: Occupied[]): Pinned => {
  const placed = place(need, hosts);
  if ("reason" in placed) throw new Error(placed.reason);
  return placed.pinned!;
};
const reasonOf = (need: Need, ...hosts: Occupied[]): string[] => {
  const placed = place(need, hosts);
  if ("reason" in placed) return [placed.reason, ...placed.hosts.map((h) => h.reason)];
  throw new Error(`placed on ${placed.hostId}`);
};
const taken = (h: Occupied, ...pinned: Partial<Pinned>[]): Occupied => ({
  ...h,
  pinned: pinned.map((p) => ({ numaSocket: 0, hugepagesGiB: 0, kind: null, threads: [], interfaces: [], ...p })),
});
const uses = (...threadIds: number[]) => ({ threads: threadIds.map((threadId) => ({ coreId: 0, threadId, vcpu: 0 })) });

describe("huge pages", () => {
  test("the node with the least free that suffices, whatever the hosts' other memory", () => {
    const fuller = taken(free(big("a", numa(0), numa(1, { hugepagesGiB: 6 }))), { hugepagesGiB: 5 });
    const emptier = free(big("b", numa(0)), 1_500);
    const need = (memory: number) => asks(one({ memory, threads: 1 }));
    expect(pinnedBy(need(2), fuller, emptier)).toMatchObject({ numaSocket: 0, hugepagesGiB: 2 });
    expect(place(need(4), [emptier, fuller])).toMatchObject({ hostId: "a", pinned: { numaSocket: 1 } });
    expect(place(need(7), [fuller, emptier])).toMatchObject({ hostId: "b" });
    expect(place(asks(one({ memory: 2, threads: 1 }), { preferred: "b" as HostId }), [fuller, emptier])).toMatchObject({
      hostId: "b",
    });
  });

  test("take the place of memory: a host without any other takes the server", () => {
    expect(place(asks(one({ memory: 2, threads: 1 })), [free(host("a", 0, { cpus: 0, numas: [numa(0)] }))])).toMatchObject({
      hostId: "a",
    });
    expect(reasonOf(asks(one({ threads: 1 })), free(host("a", 0, { cpus: 0, numas: [numa(0)] })))).toEqual([
      `${ROOM} with 512 MB memory and 0 cpus available`,
      "0 MB memory free",
    ]);
  });

  test("no node has them: as recorded", () => {
    expect(reasonOf(asks(one({ memory: 9999, cores: 1 })), free(big("a", numa(0))))).toEqual([
      `${ROOM} with 9999 GB Hugepages memory available`,
      "numa 0: 8 GB hugepages free",
    ]);
  });

  test("a node that is admin down does not count", () => {
    expect(reasonOf(asks(one({ memory: 1, threads: 1 })), free(big("a", numa(0, { adminUp: false }))))).toEqual([
      `${ROOM} with 1 GB Hugepages memory available`,
      "the admin_state_up of all its numas is false",
    ]);
  });
});

describe("threads", () => {
  const pins = (need: Need, ...hosts: Occupied[]) => pinnedBy(need, ...hosts).threads.map((t) => [t.vcpu, t.threadId]);

  test("pairs are both threads of a core; the cores kept for the host are left alone", () => {
    const h = free(big("a", numa(0, { cores: threads(4, 1) })));
    expect(pins(asks(one({ "paired-threads": 2 })), h)).toEqual([
      [0, 1],
      [1, 5],
      [2, 2],
      [3, 6],
    ]);
    expect(pins(asks(one({ "paired-threads": 1, "paired-threads-id": [[1, 0]] })), h)).toEqual([
      [1, 1],
      [0, 5],
    ]);
  });

  test("cores: the first thread runs, the second is kept idle", () => {
    const h = taken(free(big("a", numa(0))), uses(0));
    expect(pins(asks(one({ cores: 2, "cores-id": [1, 0] })), h)).toEqual([
      [1, 1],
      [null, 5],
      [0, 2],
      [null, 6],
    ]);
  });

  test("threads: cores that are begun are filled first", () => {
    const h = taken(free(big("a", numa(0))), uses(2, 7));
    expect(pins(asks(one({ threads: 3 })), h)).toEqual([
      [0, 6],
      [1, 3],
      [2, 0],
    ]);
  });

  test("pairs and cores both want whole cores; half cores do for threads", () => {
    const h = taken(free(big("a", numa(0))), uses(0, 1, 2));
    for (const kind of ["cores", "paired-threads"])
      expect(reasonOf(asks(one({ [kind]: 2 })), h)).toEqual([`${ROOM} with 2 cpu-cores available`, "numa 0: 1 cpu-cores free"]);
    expect(pins(asks(one({ threads: 5 })), h)).toHaveLength(5);
    expect(reasonOf(asks(one({ threads: 6 })), h)).toEqual([
      `${ROOM} with 6 cpu-threads available`,
      "numa 0: 5 cpu-threads free",
    ]);
  });

  test("a core of one thread is a whole core, and no pair", () => {
    const single = threads(4).filter((t) => t.threadId < 4);
    const h = free(big("a", numa(0, { cores: single })));
    expect(pins(asks(one({ cores: 2 })), h)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(reasonOf(asks(one({ "paired-threads": 1 })), h)).toEqual([
      `${ROOM} with 1 cpu-cores available`,
      "numa 0: 0 cpu-cores free",
    ]);
  });

  test("memory in one node and cores in another do not do", () => {
    const h = free(
      big(
        "a",
        numa(0, { cores: threads(1) }),
        numa(1, { hugepagesGiB: 1, cores: threads(8).map((t) => ({ ...t, threadId: t.threadId + 2 })) }),
      ),
    );
    expect(reasonOf(asks(one({ memory: 4, "paired-threads": 2 })), h)[0]).toBe(
      `${ROOM} with 4 MB hugepages memory and 2 cpu-cores available in the same numa`,
    );
  });
});

describe("cards", () => {
  const iface = (name: string, dedicated: string, bandwidth: string, more: object = {}) => ({
    name,
    dedicated,
    bandwidth,
    ...more,
  });
  const given = (p: Pinned) => p.interfaces.map((i) => [i.name, i.pci, i.mbps]);
  const wants = (...interfaces: object[]) => asks(one({ interfaces }));
  const h = (...cards: HostInterface[]) => free(big("a", numa(0, { interfaces: cards })));
  const INTERFACES = `${ROOM} with the required hugepages, vcpus and interfaces`;

  test("whole cards first, then functions; in each kind those of more bandwidth first", () => {
    const p = pinnedBy(
      wants(iface("f", "no", "1 Gbps"), iface("w", "yes", "10 Gbps"), iface("g", "no", "2 Gbps")),
      h(card(1), card(2)),
    );
    expect(given(p)).toEqual([
      ["w", "0000:01:00.0", 10_000],
      ["g", "0000:02:10.1", 2_000],
      ["f", "0000:02:10.2", 1_000],
    ]);
    expect(p.interfaces[0]).toMatchObject({ mac: "a0:00:00:00:01:00", switchPort: "port0/1" });
  });

  test("functions go where the least is free: by Mbps, by functions, by PCI address", () => {
    const used = {
      name: "x",
      dedicated: "no",
      pci: "0000:02:10.1",
      cardPci: "0000:02:00.0",
      mac: "",
      mbps: 500,
      switchPort: null,
    } as const;
    const fuller = taken(h(card(1), card(2)), { interfaces: [used] });
    expect(given(pinnedBy(wants(iface("f", "no", "1 Gbps")), fuller))).toEqual([["f", "0000:02:10.2", 1_000]]);
    const fewer = card(3, { sriovs: card(3).sriovs.slice(0, 1) });
    expect(given(pinnedBy(wants(iface("f", "no", "1 Gbps")), h(card(1), fewer)))).toEqual([["f", "0000:03:10.1", 1_000]]);
    expect(given(pinnedBy(wants(iface("f", "no", "1 Gbps")), h(card(2), card(1))))).toEqual([["f", "0000:01:10.1", 1_000]]);
  });

  test("an exclusive function takes its card for itself", () => {
    const exclusive = pinnedBy(wants(iface("s", "yes:sriov", "1 Gbps", { mac_address: "02:00:00:00:00:09" })), h(card(1)));
    expect(exclusive.interfaces).toMatchObject([{ pci: "0000:01:10.1", mbps: 10_000, mac: "02:00:00:00:00:09" }]);
    const then = taken(h(card(1)), { interfaces: exclusive.interfaces });
    for (const dedicated of ["yes", "no", "yes:sriov"])
      expect(reasonOf(wants(iface("f", dedicated, "0")), then)[0]).toBe(INTERFACES);
  });

  test("bandwidth is booked on the card, and functions are counted", () => {
    const need = (mbps: number) => wants(iface("a", "no", `${mbps} Mbps`), iface("b", "no", "5 Gbps"));
    expect(given(pinnedBy(need(5_000), h(card(1))))).toHaveLength(2);
    expect(reasonOf(need(5_001), h(card(1)))).toEqual([
      INTERFACES,
      "numa 0: no function of a card with 5000 Mbps free for interface 'b' and cabled to the switch",
    ]);
    expect(reasonOf(wants(...["a", "b", "c"].map((n) => iface(n, "no", "1 Mbps"))), h(card(1)))[0]).toBe(INTERFACES);
    expect(reasonOf(wants(iface("a", "yes", "40 Gbps")), h(card(1)))).toEqual([
      INTERFACES,
      "numa 0: no unused card of 40000 Mbps free for interface 'a' and cabled to the switch",
    ]);
  });

  test("only cards that are cabled to the switch, unless any will do", () => {
    const loose = h(card(1, { switchPort: null }));
    const need = wants(iface("f", "no", "1 Gbps"));
    expect(reasonOf(need, loose)[0]).toBe(INTERFACES);
    expect(given(pinnedBy({ ...need, onlySwitched: false }, loose))).toHaveLength(1);
  });

  test("the next node is tried where the first has no cards", () => {
    const two = free(big("a", numa(0, { hugepagesGiB: 2 }), numa(1, { cores: [], interfaces: [card(1)] })));
    expect(pinnedBy(asks(one({ memory: 1, interfaces: [iface("f", "no", "1 Gbps")] })), two)).toMatchObject({ numaSocket: 1 });
  });
});

test("a server needs memory and CPUs of some kind", () => {
  const of = (memoryMiB: number, vcpus: number, n: object | null) => {
    const need = numaNeedOf(n === null ? null : one(n));
    return lackOf(plainNeedOf({ memoryMiB, vcpus }, need), need);
  };
  expect(of(0, 1, null)).toBe("Memory information not set neither at extended field not at ram");
  expect(of(64, 0, { memory: 1 })).toBe("Processor information not set neither at extended field not at vcpus");
  expect(of(0, 0, { memory: 1, threads: 1 })).toBeNull();
  expect(of(64, 1, null)).toBeNull();
});

describe("whatever is asked, and in whatever order servers come and go", () => {
  const arbitraryCard = (n: number) =>
    fc
      .record({ mbps: fc.constantFrom(1_000, 10_000), sriovs: fc.nat(2), isCabled: fc.boolean() })
      .map(({ mbps, sriovs, isCabled }) =>
        card(n, { mbps, sriovs: card(n).sriovs.slice(0, sriovs), switchPort: isCabled ? `port0/${n}` : null }),
      );
  const arbitraryNuma = (socket: number) =>
    fc
      .record({
        hugepagesGiB: fc.nat(8),
        cores: fc.nat(4),
        kept: fc.nat(2),
        cards: fc.tuple(arbitraryCard(2 * socket), arbitraryCard(2 * socket + 1)),
      })
      .map(({ hugepagesGiB, cores, kept, cards }) =>
        numa(socket, {
          hugepagesGiB,
          cores: threads(cores, kept).map((t) => ({ ...t, threadId: t.threadId + 10 * socket })),
          interfaces: cards,
        }),
      );
  const arbitraryHost = (id: string) => fc.tuple(arbitraryNuma(0), arbitraryNuma(1)).map((numas) => big(id, ...numas));
  const arbitraryNeed = fc
    .record({
      memory: fc.nat(4),
      kind: fc.constantFrom("cores", "threads", "paired-threads"),
      count: fc.nat(3),
      interfaces: fc.array(
        fc.record({
          dedicated: fc.constantFrom("yes", "no", "yes:sriov"),
          bandwidth: fc.constantFrom("0", "400 Mbps", "1 Gbps", "6 Gbps"),
        }),
        { maxLength: 3 },
      ),
      onlySwitched: fc.boolean(),
      preferred: fc.constantFrom("a", "b", null),
    })
    .map(({ memory, kind, count, interfaces, onlySwitched, preferred }) =>
      asks(one({ memory, [kind]: count, interfaces }), { onlySwitched, preferred: preferred as HostId | null }),
    );
  const arbitraryStory = fc.array(fc.record({ need: arbitraryNeed, leaves: fc.nat(5) }), { maxLength: 25 });
  const arbitraryHosts = fc.tuple(arbitraryHost("a"), arbitraryHost("b"));

  /** Servers come one after the other, and now and then an earlier one goes. */
  function tell(hosts: readonly Host[], story: readonly { need: Need; leaves: number }[]) {
    const servers: { hostId: HostId; pinned: Pinned; need: Need }[] = [];
    for (const { need, leaves } of story) {
      const placed = place(
        need,
        hosts.map((h) => ({ ...free(h), pinned: servers.flatMap((s) => (s.hostId === h.id ? [s.pinned] : [])) })),
      );
      if ("hostId" in placed && placed.pinned) servers.push({ hostId: placed.hostId, pinned: placed.pinned, need });
      if (leaves === 0) servers.shift();
    }
    return servers;
  }

  test("nothing is given twice, and nothing more than there is", () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryStory, (hosts, story) => {
        const servers = tell(hosts, story);
        for (const h of hosts)
          for (const n of h.numas) {
            const its = servers.filter((s) => s.hostId === h.id && s.pinned.numaSocket === n.numaSocket).map((s) => s.pinned);
            expect(its.reduce((sum, p) => sum + p.hugepagesGiB, 0)).toBeLessThanOrEqual(n.hugepagesGiB);
            const used = its.flatMap((p) => p.threads.map((t) => t.threadId));
            expect(new Set(used).size).toBe(used.length);
            const eligible = n.cores.filter((c) => c.status === null).map((c) => c.threadId);
            expect(used.filter((t) => !eligible.includes(t))).toEqual([]);
            const interfaces = its.flatMap((p) => p.interfaces);
            expect(new Set(interfaces.map((i) => i.pci)).size).toBe(interfaces.length);
            for (const c of n.interfaces) {
              const onCard = interfaces.filter((i) => i.cardPci === c.pci);
              expect(onCard.reduce((sum, i) => sum + i.mbps, 0)).toBeLessThanOrEqual(c.mbps);
              if (onCard.some((i) => i.dedicated !== "no")) expect(onCard).toHaveLength(1);
            }
          }
      }),
      { numRuns: 400 },
    );
  });

  test("who is placed has all that was asked", () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryStory, (hosts, story) => {
        for (const { need, pinned, hostId } of tell(hosts, story)) {
          const { hugepagesGiB, pinning, interfaces } = need.numa;
          expect(pinned.hugepagesGiB).toBe(hugepagesGiB);
          const vcpus = pinned.threads.flatMap((t) => t.vcpu ?? []);
          expect(vcpus.sort((a, b) => a - b)).toEqual([...(pinning?.ids ?? [])].sort((a, b) => a - b));
          expect(pinned.interfaces.map((i) => i.name).sort()).toEqual(interfaces.map((i) => i.name).sort());
          const cards = hosts.find((h) => h.id === hostId)!.numas[pinned.numaSocket]!.interfaces;
          for (const i of pinned.interfaces) {
            const c = cards.find((x) => x.pci === i.cardPci)!;
            expect(c.mbps).toBeGreaterThanOrEqual(interfaces.find((x) => x.name === i.name)!.mbps);
            if (need.onlySwitched) expect(c.switchPort).not.toBeNull();
            if (i.dedicated !== "yes") expect(c.sriovs.map((s) => s.pci)).toContain(i.pci);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test("the same question has the same answer", () => {
    fc.assert(
      fc.property(arbitraryHosts, arbitraryStory, (hosts, story) => {
        expect(tell(structuredClone(hosts), structuredClone(story))).toEqual(tell(hosts, story));
      }),
      { numRuns: 100 },
    );
  });
});
