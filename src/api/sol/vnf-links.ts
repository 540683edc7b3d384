import { type Static, Type } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { Occurrence } from "../../model/occurrence.ts";

// What SOL003 says of the VIMs and nets that a VNF is to be connected to, as far as it is looked into.

export const text = (description: string) => Type.String({ minLength: 1, maxLength: 255, description });
export const pairs = Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description: "an object of keys and values" }));
const anyLink = {
  id: text("an id of the link"),
  vimConnectionId: Type.Optional(text("a key of vimConnectionInfo")),
  resourceId: text("the id of a network in the VIM"),
};

/** SOL003 4.4.1.6. */
export const vimConnectionInfo = Type.Optional(
  Type.Record(
    Type.String(),
    Type.Object(
      { vimId: Type.Optional(text("the id or name of a VIM account")), vimType: text("a kind of VIM"), interfaceInfo: pairs },
      { description: "an object with vimType, and vimId or interfaceInfo" },
    ),
    { description: "an object: key → VIM connection" },
  ),
);

const ends = {
  extCps: Type.Array(
    Type.Object(
      {
        cpdId: text("the id of an external connection point of the VNFD"),
        cpConfig: Type.Optional(
          Type.Record(Type.String(), Type.Union([Type.Null(), Type.Record(Type.String(), Type.Unknown())]), {
            description: "an object: id → configuration of a connection point, or null",
          }),
        ),
      },
      { description: "an object with cpdId" },
    ),
    { maxItems: 64, description: "a list of objects with cpdId" },
  ),
  extLinkPorts: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 64, description: "a list of link ports" })),
};

/** SOL003 4.4.1.11, 4.4.1.10. */
export const extVirtualLinks = Type.Array(
  Type.Object({ ...anyLink, ...ends }, { description: "an object with id, resourceId and extCps" }),
  { maxItems: 64, description: "a list of objects with id, resourceId and extCps" },
);

/** SOL005 6.5.3.26: the same, where the id may be left out, and a VIM is named by its own. */
export const extVirtualLinksOfNs = Type.Array(
  Type.Object(
    {
      extVirtualLinkId: Type.Optional(text("an id of the link")),
      vimId: Type.Optional(text("the id or name of a VIM account")),
      resourceId: anyLink.resourceId,
      ...ends,
    },
    { description: "an object with resourceId and extCps" },
  ),
  { maxItems: 64, description: "a list of objects with resourceId and extCps" },
);

/** In SOL003's words. */
export const asOfVnf = (links: Static<typeof extVirtualLinksOfNs>): Static<typeof extVirtualLinks> =>
  links.map(({ extVirtualLinkId, vimId, resourceId, ...of }) => ({
    id: extVirtualLinkId ?? resourceId,
    ...(vimId !== undefined && { vimConnectionId: vimId }),
    resourceId,
    ...of,
  }));

/** SOL003 4.4.1.12. */
export const extManagedVirtualLinks = Type.Optional(
  Type.Array(
    Type.Object(
      { ...anyLink, vnfVirtualLinkDescId: text("the id of an internal virtual link of the VNFD") },
      { description: "an object with id, vnfVirtualLinkDescId and resourceId" },
    ),
    { maxItems: 64, description: "a list of objects with id, vnfVirtualLinkDescId and resourceId" },
  ),
);

export type VimAsked = ReturnType<typeof vimsIn>[number];
export type ExternalLinkAsked = ReturnType<typeof externalLinksIn>[number];
export type ManagedLinkAsked = ReturnType<typeof managedLinksIn>[number];

/** What of a connection point's configuration we do ourselves, and so take from nobody. */
const NOT_TAKEN = ["linkPortId", "createExtLinkPort", "parentCpConfigId", "netAttDefResourceId"];

/** Links as they were asked for. Throws NOT_SUPPORTED for what is to be connected otherwise than by its net. */
export const externalLinksIn = (links: Static<typeof extVirtualLinks>) =>
  links.map(({ id, vimConnectionId = null, resourceId, extCps, extLinkPorts = [] }) => {
    if (extLinkPorts.length > 0)
      throw new Fault(
        "NOT_SUPPORTED",
        `extVirtualLinks: link ${id}: ports are made here; name the network, and leave extLinkPorts out`,
      );
    const cps = extCps.filter((cp) => !isLeft(cp)).map((cp) => cpIn(id, cp));
    return { id, vimConnectionId, resourceId, cps, left: extCps.filter(isLeft).map((cp) => cp.cpdId) };
  });

/** All that is said of it is null: it is to be connected there no more (SOL003 4.4.1.10, note 2). */
const isLeft = ({ cpConfig = {} }: Static<typeof extVirtualLinks>[number]["extCps"][number]): boolean =>
  Object.keys(cpConfig).length > 0 && Object.values(cpConfig).every((config) => config === null);

function cpIn(link: string, { cpdId, cpConfig }: Static<typeof extVirtualLinks>[number]["extCps"][number]) {
  const configs = Object.entries(cpConfig ?? {}).flatMap(([key, config]) => (config === null ? [] : [[key, config] as const]));
  for (const [key, config] of configs) {
    const not = NOT_TAKEN.find((name) => name in config && config[name] !== false);
    if (not !== undefined)
      throw new Fault(
        "NOT_SUPPORTED",
        `extVirtualLinks: link ${link}: ${cpdId}/cpConfig/${key}: ${not} cannot be had; ports are made here`,
      );
  }
  return { cpdId, ...(configs.length > 0 && { cpConfig: Object.fromEntries(configs) }) };
}

export const managedLinksIn = (links: Static<typeof extManagedVirtualLinks> = []) =>
  links.map(({ id, vimConnectionId = null, resourceId, vnfVirtualLinkDescId }) => ({
    id,
    vimConnectionId,
    resourceId,
    vnfVirtualLinkDescId,
  }));

export const vimsIn = (vims: Static<typeof vimConnectionInfo> = {}) =>
  Object.entries(vims).map(([key, { vimId = null, interfaceInfo }]) => {
    const endpoint = interfaceInfo?.endpoint;
    return { key, vimId, endpoint: typeof endpoint === "string" ? endpoint : null };
  });

/** As it was asked for, but for what lets one into a VIM: that is in no record and in no reply. */
export function withoutSecrets(params: Occurrence["params"]): Occurrence["params"] {
  const { vimConnectionInfo: vims } = params;
  if (typeof vims !== "object" || vims === null) return params;
  const bare = Object.entries(vims as Record<string, unknown>).map(([key, vim]) => {
    if (typeof vim !== "object" || vim === null) return [key, vim] as const;
    const { accessInfo: _, ...rest } = vim as Record<string, unknown>;
    return [key, rest] as const;
  });
  return { ...params, vimConnectionInfo: Object.fromEntries(bare) };
}
