import { OF10, OF13 } from "./hello.ts";

/** OFPT_ERROR: names of type and codes (1.0, 5.4.4; 1.3, 7.4.4), codes by position. */
const ERRORS_10: Readonly<Record<number, readonly [string, readonly string[]]>> = {
  0: ["HELLO_FAILED", ["INCOMPATIBLE", "EPERM"]],
  1: [
    "BAD_REQUEST",
    ["BAD_VERSION", "BAD_TYPE", "BAD_STAT", "BAD_VENDOR", "BAD_SUBTYPE", "EPERM", "BAD_LEN", "BUFFER_EMPTY", "BUFFER_UNKNOWN"],
  ],
  2: [
    "BAD_ACTION",
    ["BAD_TYPE", "BAD_LEN", "BAD_VENDOR", "BAD_VENDOR_TYPE", "BAD_OUT_PORT", "BAD_ARGUMENT", "EPERM", "TOO_MANY", "BAD_QUEUE"],
  ],
  3: ["FLOW_MOD_FAILED", ["ALL_TABLES_FULL", "OVERLAP", "EPERM", "BAD_EMERG_TIMEOUT", "BAD_COMMAND", "UNSUPPORTED"]],
  4: ["PORT_MOD_FAILED", ["BAD_PORT", "BAD_HW_ADDR"]],
  5: ["QUEUE_OP_FAILED", ["BAD_PORT", "BAD_QUEUE", "EPERM"]],
};

const ERRORS_13: Readonly<Record<number, readonly [string, readonly string[]]>> = {
  0: ["HELLO_FAILED", ["INCOMPATIBLE", "EPERM"]],
  1: [
    "BAD_REQUEST",
    [
      ...["BAD_VERSION", "BAD_TYPE", "BAD_MULTIPART", "BAD_EXPERIMENTER", "BAD_EXP_TYPE", "EPERM", "BAD_LEN", "BUFFER_EMPTY"],
      ...["BUFFER_UNKNOWN", "BAD_TABLE_ID", "IS_SLAVE", "BAD_PORT", "BAD_PACKET", "MULTIPART_BUFFER_OVERFLOW"],
    ],
  ],
  2: [
    "BAD_ACTION",
    [
      ...[
        "BAD_TYPE",
        "BAD_LEN",
        "BAD_EXPERIMENTER",
        "BAD_EXP_TYPE",
        "BAD_OUT_PORT",
        "BAD_ARGUMENT",
        "EPERM",
        "TOO_MANY",
        "BAD_QUEUE",
      ],
      ...[
        "BAD_OUT_GROUP",
        "MATCH_INCONSISTENT",
        "UNSUPPORTED_ORDER",
        "BAD_TAG",
        "BAD_SET_TYPE",
        "BAD_SET_LEN",
        "BAD_SET_ARGUMENT",
      ],
    ],
  ],
  3: [
    "BAD_INSTRUCTION",
    [
      "UNKNOWN_INST",
      "UNSUP_INST",
      "BAD_TABLE_ID",
      "UNSUP_METADATA",
      "UNSUP_METADATA_MASK",
      "BAD_EXPERIMENTER",
      "BAD_EXP_TYPE",
      "BAD_LEN",
      "EPERM",
    ],
  ],
  4: [
    "BAD_MATCH",
    [
      ...["BAD_TYPE", "BAD_LEN", "BAD_TAG", "BAD_DL_ADDR_MASK", "BAD_NW_ADDR_MASK", "BAD_WILDCARDS", "BAD_FIELD", "BAD_VALUE"],
      ...["BAD_MASK", "BAD_PREREQ", "DUP_FIELD", "EPERM"],
    ],
  ],
  5: [
    "FLOW_MOD_FAILED",
    ["UNKNOWN", "TABLE_FULL", "BAD_TABLE_ID", "OVERLAP", "EPERM", "BAD_TIMEOUT", "BAD_COMMAND", "BAD_FLAGS"],
  ],
  6: [
    "GROUP_MOD_FAILED",
    [
      ...[
        "GROUP_EXISTS",
        "INVALID_GROUP",
        "WEIGHT_UNSUPPORTED",
        "OUT_OF_GROUPS",
        "OUT_OF_BUCKETS",
        "CHAINING_UNSUPPORTED",
        "WATCH_UNSUPPORTED",
      ],
      ...["LOOP", "UNKNOWN_GROUP", "CHAINED_GROUP", "BAD_TYPE", "BAD_COMMAND", "BAD_BUCKET", "BAD_WATCH", "EPERM"],
    ],
  ],
  7: ["PORT_MOD_FAILED", ["BAD_PORT", "BAD_HW_ADDR", "BAD_CONFIG", "BAD_ADVERTISE", "EPERM"]],
  8: ["TABLE_MOD_FAILED", ["BAD_TABLE", "BAD_CONFIG", "EPERM"]],
  9: ["QUEUE_OP_FAILED", ["BAD_PORT", "BAD_QUEUE", "EPERM"]],
  10: ["SWITCH_CONFIG_FAILED", ["BAD_FLAGS", "BAD_LEN", "EPERM"]],
  11: ["ROLE_REQUEST_FAILED", ["STALE", "UNSUP", "BAD_ROLE"]],
  12: ["METER_MOD_FAILED", []],
  13: ["TABLE_FEATURES_FAILED", ["BAD_TABLE", "BAD_METADATA", "BAD_TYPE", "BAD_LEN", "BAD_ARGUMENT", "EPERM"]],
};

const ERRORS = { [OF10]: ERRORS_10, [OF13]: ERRORS_13 };

/** OFPET_ROLE_REQUEST_FAILED with OFPRRFC_STALE: a master with a newer generation_id has taken over (1.3, 6.3.5). */
export const STALE = "ROLE_REQUEST_FAILED/STALE";

/** An error as `BAD_ACTION/BAD_OUT_PORT`; numbers where the specification has no name. */
export function errorName(version: typeof OF10 | typeof OF13, type: number, code: number): string {
  const [name, codes] = ERRORS[version][type] ?? [String(type), []];
  return `${name}/${codes[code] ?? code}`;
}
