import type { BfdStatus, BfdTimers } from "../model/bfd.ts";
import { type Json, mapOf, type Operation, type Row } from "../wire/ovsdb/messages.ts";

// BFD of one interface, in the columns of Open vSwitch's database (vswitch.xml, Interface: bfd, bfd_status).

/** Of the column `bfd` these keys are ours; others are the operator's and stay. */
const KEYS = ["enable", "min_tx", "min_rx", "mult"] as const;
/** In external_ids of an interface whose BFD we have set: what nobody wants any more is found by it, after a crash too. */
const MARK = "sempre-bfd";

export interface BfdSeen {
  /** What is configured; null: nothing, or not by us. */
  readonly timers: BfdTimers | null;
  readonly status: BfdStatus | null;
}

/** An interface without BFD gives nulls. */
export function readBfd(row: Row): BfdSeen {
  const [bfd, marks, said] = [mapOf(row["bfd"]), mapOf(row["external_ids"]), mapOf(row["bfd_status"])];
  const number = (key: string) => Number(bfd.get(key));
  const timers = marks.has(MARK) ? { minTxMs: number("min_tx"), minRxMs: number("min_rx"), detectMult: number("mult") } : null;
  return { timers, status: said.size === 0 ? null : statusOf(said) };
}

function statusOf(said: ReadonlyMap<string, string>): BfdStatus {
  const text = (key: string) => said.get(key) ?? "unknown";
  return {
    state: text("state"),
    remoteState: text("remote_state"),
    isForwarding: said.get("forwarding") === "true",
    diagnostic: text("diagnostic"),
    remoteDiagnostic: text("remote_diagnostic"),
    flapCount: Number(said.get("flap_count") ?? 0),
  };
}

/** Sets our keys, or with null takes them away. */
export function bfdOperation(port: string, timers: BfdTimers | null): Operation {
  const clear = [
    ["bfd", "delete", ["set", KEYS as readonly Json[]]],
    ["external_ids", "delete", ["set", [MARK]]],
  ] as const;
  return {
    op: "mutate",
    table: "Interface",
    where: [["name", "==", port]],
    mutations: timers === null ? clear : [...clear, ...settings(timers)],
  };
}

function settings({ minTxMs, minRxMs, detectMult }: BfdTimers) {
  const bfd = [
    ["enable", "true"],
    ["min_tx", String(minTxMs)],
    ["min_rx", String(minRxMs)],
    ["mult", String(detectMult)],
  ];
  return [
    ["bfd", "insert", ["map", bfd]],
    ["external_ids", "insert", ["map", [[MARK, "true"]]]],
  ] as const;
}
