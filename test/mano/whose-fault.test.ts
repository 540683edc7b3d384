import { describe, expect, test } from "vitest";
import { decide } from "../../src/decide/decide.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { Fences } from "../../src/mano/fences.ts";
import { Guard } from "../../src/mano/guard.ts";
import { type Evidence, SOURCES, type Source } from "../../src/model/evidence.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { ProtectionGroup } from "../../src/model/protection.ts";
import type { VimConnector } from "../../src/vimconn/connector.ts";

// What each source of evidence does to a member that serves while its twin is up: alone, and while opinions of all sources are suspended.

const [a, b] = ["a", "b"] as VnfcId[] as [VnfcId, VnfcId];
const net = "t0" as NetId;
const member = (vnfcId: VnfcId) => ({
  vnfcId,
  name: vnfcId,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${vnfcId}` as NetId,
  capacity: null,
  standby: "hot" as const,
});
const POLICY = { intervalMs: 100, misses: 3, of: 3 };
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_ACTIVE",
  members: [member(a), member(b)],
  trafficNets: [{ netId: net, name: "t0", normal: a }],
  policy: {
    revertive: true,
    holdOffMs: 0,
    waitToRestoreMs: 0,
    probe: { ...POLICY, icmp: false, udpPort: null, tcpPort: null, sourceIp: null },
    guestHeartbeat: POLICY,
    traffic: { silentMs: 1_000 },
  },
};
const serverOf = (of: VnfcId) => `s-${of}` as ServerId;
const port = (of: VnfcId) => ({ kind: "port", id: `p-${of}` as VimPortId }) as const;
const server = (of: VnfcId) => ({ kind: "server", id: serverOf(of) }) as const;

/** What a source says when it speaks against a member. */
const AGAINST: Readonly<Record<Exclude<Source, "arpProbe">, Pick<Evidence, "about" | "says">>> = {
  processExit: { about: server(a), says: "stopped" },
  qmp: { about: server(a), says: "stopped" },
  libvirt: { about: server(a), says: "stopped" },
  evacuation: { about: server(a), says: "stopped" },
  poll: { about: server(a), says: "stopped" },
  portStatus: { about: port(a), says: "linkDown" },
  ovsdb: { about: port(a), says: "linkDown" },
  bfd: { about: port(a), says: "linkDown" },
  fence: { about: port(a), says: "fenced" },
  probe: { about: port(a), says: "silent" },
  traffic: { about: port(a), says: "silent" },
  guestHeartbeat: { about: server(a), says: "silent" },
  hostHeartbeat: { about: server(a), says: "silent" },
};
/** All but `arpProbe`, which only tells of a first answer. */
type Speaker = keyof typeof AGAINST;
/** Who speaks of another thing than the member: its host. */
const NOTHING: ReadonlySet<Speaker> = new Set(["hostHeartbeat"]);
const ALL_SUSPENDED = new Map((Object.keys(SOURCES) as Source[]).map((s) => [s, "so many at once"]));

/** "moved", "fenced" or "left alone", ten seconds after it was told. */
function outcome(source: Speaker, suspended: ReadonlyMap<Source, string>): string {
  let ms = 1_000;
  const clock: Clock = { now: () => ms, wall: () => new Date(ms), sleep: () => new Promise<void>(() => {}) };
  const fenced: string[] = [];
  const connector = { fence: async (_, of) => void fenced.push(of) } as Partial<VimConnector> as VimConnector;
  const never = { isGivenUp: () => false, isBeingHealed: () => false };
  const fences = new Fences({ clock, log: silent, connectorOf: () => connector, suspended: () => suspended, ...never });
  const guard = new Guard(group, new Map([a, b].map((of) => [of, serverOf(of)])));
  for (const of of [a, b]) {
    guard.hear(guard.memberOf(of)!, { about: server(of), says: "running", source: "qmp", seenAt: ms });
    for (const by of ["arpProbe", "probe"] as const)
      guard.hear(guard.memberOf(of)!, { about: port(of), says: "answers", source: by, seenAt: ms });
  }
  guard.bindSeen(net, "d-a" as NetId, ms);
  guard.judgeAll(ms);
  ms += 100;
  guard.hear(guard.memberOf(a)!, { ...AGAINST[source], source, seenAt: ms });
  guard.judgeAll(ms);
  ms += 10_000;
  guard.judgeAll(ms);
  fences.look(guard);
  const { moves } = decide(group, guard.view, null, ms);
  if (moves.some((m) => m.trafficNet === net && m.to === b)) return "moved";
  return fenced.length > 0 ? "fenced" : "left alone";
}

describe("each source, and what is done about the member it speaks against", () => {
  for (const source of Object.keys(AGAINST) as Speaker[]) {
    const isFact = SOURCES[source].fact;
    const usually = isFact ? "moved" : NOTHING.has(source) ? "left alone" : "fenced";
    const suspended = isFact ? "moved" : "left alone";
    test(`${source}, ${isFact ? "a fact" : "an opinion"}: ${usually}; while opinions are suspended: ${suspended}`, () => {
      expect(outcome(source, new Map())).toBe(usually);
      expect(outcome(source, ALL_SUSPENDED)).toBe(suspended);
    });
  }

  test("what one source sees is not suspended with another's", () => {
    const probe = new Map([["probe", "so many at once"]] as const);
    expect([outcome("probe", probe), outcome("traffic", probe), outcome("guestHeartbeat", probe)]).toEqual([
      "left alone",
      "fenced",
      "fenced",
    ]);
  });
});
