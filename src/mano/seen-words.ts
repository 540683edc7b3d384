import type { Evidence } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import type { VimLinkPort, VimServer } from "../vimconn/connector.ts";

/** An inventory in the words of evidence. A port that is down because its server is says nothing of its link. */
export function wordsOf(
  serverId: ServerId,
  server: VimServer | undefined,
  port: VimLinkPort | undefined,
  seenAt: number,
): Evidence[] {
  const about = { kind: "server", id: serverId } as const;
  if (server === undefined) return [{ about, says: "stopped", source: "poll", seenAt, detail: "the VIM has no such server" }];
  if (server.status === "CREATING" || server.status === "DELETING") return [];
  return [...hostWords(about, server, seenAt), ...statusWords(about, server, port, seenAt)];
}

function hostWords(about: Evidence["about"], { hostState }: VimServer, seenAt: number): Evidence[] {
  if (hostState === null) return [];
  return [
    { about, says: hostState === "up" ? "answers" : "silent", source: "hostHeartbeat", seenAt, detail: `host ${hostState}` },
  ];
}

function statusWords(about: Evidence["about"], server: VimServer, port: VimLinkPort | undefined, seenAt: number): Evidence[] {
  const fenced: Evidence[] = port?.fenced
    ? [{ about: { kind: "port", id: port.id }, says: "fenced", source: "fence", seenAt, detail: "so says the VIM" }]
    : [];
  const storage = server.storageLost == null ? {} : { storage: server.storageLost };
  if (server.status === "PAUSED")
    return [{ about, says: "paused", source: "poll", seenAt, detail: server.status, ...storage }, ...fenced];
  if (server.status !== "ACTIVE") return [{ about, says: "stopped", source: "poll", seenAt, detail: server.status }];
  const words: Evidence[] = [{ about, says: "running", source: "poll", seenAt }, ...fenced];
  if (port === undefined || port.status === "ERROR" || port.stale) return words;
  const says = port.status === "ACTIVE" ? "answers" : port.status === "DOWN" ? "linkDown" : "linkUp";
  return [...words, { about: { kind: "port", id: port.id }, says, source: "poll", seenAt }];
}
