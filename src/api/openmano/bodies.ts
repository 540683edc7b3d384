import type { Static } from "typebox";
import { type TSchema, Type } from "typebox";
import { cloudConfig } from "../cloud-config.ts";
import { checked as checkedBy, type Saying } from "../invalid.ts";

// Bodies of OpenMANO's requests (openmano_schemas.py). Descriptors have their own readers.

const maybe = Type.Optional;
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
/** Where the original refuses what it does not know. Elsewhere it passes over it, as an object does that is not closed. */
const closed = { additionalProperties: false } as const;
/** The original forbids these in names: they would end up in its SQL. */
const name = Type.String({ minLength: 1, maxLength: 255, pattern: "^[^,;()'\"]+$" });
const text = Type.String({ maxLength: 65_535 });
const url = Type.String({ minLength: 1, maxLength: 2_000, pattern: "^https?://[^\\s]+$" });
const config = maybe(orNull(Type.Record(Type.String(), Type.Unknown())));

export const newTenant = Type.Object({ tenant: Type.Object({ name, description: maybe(orNull(text)) }) }, closed);
export const tenantChange = Type.Object(
  { tenant: Type.Object({ name: maybe(name), description: maybe(orNull(text)) }, { minProperties: 1 }) },
  closed,
);

const datacenterMembers = { description: maybe(orNull(text)), type: maybe(name), vim_url_admin: maybe(orNull(url)), config };
export const newDatacenter = Type.Object({ datacenter: Type.Object({ name, vim_url: url, ...datacenterMembers }) }, closed);
export const datacenterChange = Type.Object(
  {
    datacenter: Type.Object({ name: maybe(name), vim_url: maybe(url), ...datacenterMembers }, { minProperties: 1 }),
  },
  closed,
);

export const attachment = Type.Object(
  {
    datacenter: Type.Object({
      name: maybe(name),
      vim_tenant: maybe(name),
      vim_tenant_name: maybe(name),
      vim_id: maybe(name),
      vim_username: maybe(orNull(text)),
      vim_password: maybe(orNull(text)),
      config,
    }),
  },
  closed,
);

const none = maybe(Type.Null());
export const datacenterAction = Type.Object(
  {
    "check-connectivity": none,
    "net-update": none,
    "net-edit": maybe(
      Type.Object(
        { net: name, name: maybe(name), description: maybe(text), shared: maybe(Type.Boolean()) },
        { ...closed, minProperties: 2 },
      ),
    ),
    "net-delete": maybe(Type.Object({ net: name }, closed)),
  },
  { ...closed, minProperties: 1, maxProperties: 1 },
);

export const newNetmap = Type.Object(
  { netmap: Type.Object({ name: maybe(name), vim_id: maybe(name), vim_name: maybe(name) }, { minProperties: 1 }) },
  closed,
);
export const netmapChange = newNetmap;

const vlan = maybe(orNull(Type.Integer({ minimum: 1, maximum: 4_094 })));
const vimNetwork = Type.Object({
  name,
  type: maybe(Type.Enum(["bridge", "bridge_data", "bridge_man", "data", "ptp"])),
  shared: maybe(Type.Boolean()),
  vlan,
});
export const newVimNetwork = Type.Object({ network: vimNetwork }, closed);
export const newVimTenant = Type.Object({ tenant: Type.Object({ name, description: maybe(text) }) }, closed);
export const newVimImage = Type.Object(
  {
    image: Type.Object(
      { name, path: text, description: maybe(text), metadata: maybe(Type.Record(Type.String(), Type.Unknown())) },
      closed,
    ),
  },
  closed,
);

export const outsidePort = Type.Object({ port: name, vlan, mac: maybe(orNull(name)) }, closed);

export const scenarioChange = Type.Object(
  { scenario: Type.Object({ name: maybe(name), description: maybe(orNull(text)) }, { minProperties: 1 }) },
  closed,
);
const deploy = maybe(Type.Object({ instance_name: name, description: maybe(orNull(text)), datacenter: maybe(name) }, closed));
export const scenarioAction = Type.Object(
  { start: deploy, deploy, reserve: deploy, verify: deploy },
  { ...closed, minProperties: 1, maxProperties: 1 },
);

const site = Type.Object({
  "netmap-use": maybe(name),
  "netmap-create": maybe(orNull(name)),
  "vim-network-name": maybe(name),
  datacenter: maybe(name),
});
export const newInstance = Type.Object(
  {
    instance: Type.Object({
      name,
      description: maybe(orNull(text)),
      scenario: maybe(name),
      datacenter: maybe(name),
      action: maybe(orNull(Type.Enum(["deploy", "reserve", "verify"]))),
      "cloud-config": maybe(orNull(cloudConfig)),
      vnfs: maybe(Type.Record(Type.String(), Type.Object({ datacenter: maybe(name), name: maybe(name) }))),
      networks: maybe(
        Type.Record(
          Type.String(),
          Type.Object({
            "netmap-use": maybe(name),
            "netmap-create": maybe(orNull(name)),
            "vim-network-name": maybe(name),
            sites: maybe(Type.Array(site, { minItems: 1 })),
          }),
        ),
      ),
    }),
    schema_version: maybe(Type.Unknown()),
  },
  closed,
);

const whatever = maybe(Type.Unknown());
export const instanceAction = Type.Object(
  {
    start: maybe(orNull(Type.Enum(["rebuild", "rebuid", "reboot"]))),
    pause: none,
    resume: none,
    shutoff: none,
    shutdown: none,
    forceOff: none,
    rebuild: none,
    reboot: maybe(orNull(Type.Object({ type: maybe(Type.Enum(["SOFT", "HARD"])) }, closed))),
    terminate: none,
    createImage: maybe(Type.Object({ name, description: maybe(orNull(text)), path: maybe(text), metadata: whatever }, closed)),
    console: maybe(orNull(Type.Enum(["novnc", "xvpvnc", "rdp-html5", "spice-html5"]))),
    vnfs: maybe(Type.Array(name)),
    vms: maybe(Type.Array(name)),
  },
  { ...closed, minProperties: 1 },
);

export const newSdnController = Type.Object(
  {
    sdn_controller: Type.Object(
      {
        name,
        type: name,
        dpid: maybe(name),
        ip: maybe(name),
        port: maybe(Type.Integer({ minimum: 1, maximum: 65_535 })),
        url: maybe(text),
        version: maybe(orNull(text)),
        user: maybe(orNull(text)),
        password: maybe(orNull(text)),
      },
      {},
    ),
  },
  closed,
);
export const sdnControllerChange = Type.Object(
  {
    sdn_controller: Type.Object(
      {
        name: maybe(name),
        type: maybe(name),
        dpid: maybe(name),
        ip: maybe(name),
        port: maybe(Type.Integer({ minimum: 1, maximum: 65_535 })),
        url: maybe(text),
        version: maybe(orNull(text)),
        user: maybe(orNull(text)),
        password: maybe(orNull(text)),
      },
      { minProperties: 1 },
    ),
  },
  closed,
);
export const sdnMapping = Type.Object(
  {
    sdn_port_mapping: Type.Array(
      Type.Object({
        compute_node: name,
        ports: Type.Array(Type.Object({ pci: maybe(orNull(name)), switch_port: maybe(name), switch_mac: maybe(name) }), {
          minItems: 1,
        }),
      }),
    ),
  },
  closed,
);

/** As OpenMANO says what does not fit: `Invalid content 'name' is a required property at "tenant"`. */
const asOpenmano: Saying = (sentence, path) =>
  `Invalid content ${sentence}${path.length === 0 ? "" : ` at ${path.map((p) => (/^\d+$/.test(p) ? p : JSON.stringify(p))).join(":")}`}`;

export const checked = <S extends TSchema>(schema: S, body: unknown): Static<S> => checkedBy(schema, body, asOpenmano);
