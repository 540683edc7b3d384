import { Type } from "typebox";
import { VIM_EVENT_TYPES } from "../../model/vim-event.ts";
import { maybe, orNull, text, uuid } from "./reply-parts.ts";

// As replies.ts, of what OpenVIM does not have.

const monoMs = Type.Number({ description: "CLOCK_MONOTONIC of the VIM's machine, ms" });
const instant = Type.String({ format: "date-time" });

export const event = Type.Object(
  {
    seq: Type.Integer({ description: "only grows, across restarts too" }),
    at: instant,
    monoMs,
    tenantId: maybe(uuid),
    type: Type.Enum([...VIM_EVENT_TYPES]),
  },
  { title: "Event", additionalProperties: true, description: "further members depend on the type" },
);
export const events = Type.Object({ events: Type.Array(event) });

export const paths = Type.Object({
  paths: Type.Array(
    Type.Object(
      {
        net: uuid,
        bind_net: uuid,
        state: Type.Enum(["pending", "verified", "unverified", "unseen"]),
        how: orNull(Type.Enum(["traffic", "probe"])),
        why: text,
        at_mono_ms: orNull(monoMs),
      },
      { title: "Path" },
    ),
  ),
});

const counted = orNull(Type.Number({ description: "since the switch has the port; null: the switch does not count it" }));
const portCountersSchema = Type.Object(
  {
    port_id: Type.String({
      format: "uuid",
      description: "of a network that is cabled by its provider, and has no port for it, the network's id",
    }),
    name: text,
    server_id: orNull(uuid),
    network_id: orNull(uuid),
    network_name: orNull(text),
    bytes_in: counted,
    bytes_out: counted,
    packets_in: counted,
    packets_out: counted,
  },
  {
    title: "PortCounters",
    description: "`in` is what came to who is plugged in there, `out` what came from it; probes of the VIM are among them",
  },
);
export const counters = Type.Object({ counters: Type.Array(portCountersSchema) });
export const portCounters = Type.Object({ counters: portCountersSchema });

const serverUsage = Type.Object(
  {
    server_id: uuid,
    name: text,
    run: orNull(
      Type.String({ description: "with each run that begins another, and `cpu_ms` counts from 0; null: it does not run" }),
    ),
    read_mono_ms: monoMs,
    cpu_ms: orNull(Type.Number({ description: "CPU time of its QEMU in this run, its CPUs' and its devices'; null: not known" })),
    vcpus: Type.Integer(),
    memory_mib: Type.Integer(),
    resident_mib: orNull(
      Type.Number({
        description:
          "memory that its QEMU has now: all that the guest has ever touched, and QEMU's own; null: not known, as of huge pages",
      }),
    ),
  },
  { title: "ServerUsage", description: "a server whose host does not answer is not among them" },
);
export const usage = Type.Object({ usage: Type.Array(serverUsage) });

export const condition = Type.Object({
  condition: Type.Object(
    {
      switch: orNull(
        Type.Object({
          datapath: orNull(text),
          connected: Type.Boolean(),
          why: orNull(text),
          stand_ins: Type.Array(text, { description: "names of the traffic networks that the switch leads on by itself" }),
        }),
      ),
      store: Type.Object({ writable: Type.Boolean(), why: orNull(text) }),
      suspended: Type.Record(text, text, { description: "sources whose opinions do not count now, and why" }),
    },
    { title: "Condition" },
  ),
});

const protectionSchema = Type.Object(
  {
    id: text,
    name: text,
    revision: Type.Integer(),
    hold_off_ms: Type.Integer(),
    members: Type.Array(
      Type.Object({
        id: text,
        name: text,
        server_id: uuid,
        data_net: uuid,
        capacity: orNull(Type.Integer()),
        fenced: Type.Boolean(),
      }),
    ),
    plans: Type.Array(
      Type.Object({
        failed: text,
        moves: Type.Array(Type.Object({ net: uuid, to: text, or_else: Type.Array(text) })),
        because: Type.Array(text),
        state: Type.String({ description: "armed, or fired until a newer revision comes" }),
        ready: Type.Boolean({ description: "it would fire now" }),
        readiness: Type.Array(text),
        last_fired: orNull(Type.Object({ at: Type.Unknown(), revision: Type.Integer() })),
      }),
    ),
    probe: orNull(
      Type.Object({
        interval_ms: Type.Integer(),
        misses: Type.Integer(),
        of: Type.Integer(),
        icmp: Type.Boolean(),
        udp_port: orNull(Type.Integer()),
        source_ip: orNull(text),
      }),
    ),
    traffic: orNull(Type.Object({ silent_ms: Type.Integer() })),
  },
  { title: "Protection" },
);
export const protection = Type.Object({ protection: protectionSchema });
export const protections = Type.Object({ protections: Type.Array(protectionSchema) });

const subscriptionSchema = Type.Object(
  {
    id: uuid,
    callback: Type.String({ format: "uri" }),
    filter: Type.Object({
      event_types: maybe(Type.Array(text)),
      tenant_id: maybe(text),
      object_ids: maybe(Type.Array(text)),
    }),
    authentication: maybe(Type.Object({ authType: Type.Array(text) })),
    tenant_id: maybe(uuid),
    created_at: text,
    state: text,
    cursor: Type.Integer({ description: "the last event that the subscriber accepted" }),
    pending: Type.Integer(),
    failures: Type.Integer(),
    last_error: maybe(text),
    last_error_at: maybe(text),
    next_try_at: maybe(text),
    last_accepted_at: maybe(text),
  },
  { title: "Subscription" },
);
export const subscription = Type.Object({ subscription: subscriptionSchema });
export const subscriptions = Type.Object({
  subscriptions: Type.Array(Type.Partial(subscriptionSchema, { title: "SubscriptionRow" })),
});
