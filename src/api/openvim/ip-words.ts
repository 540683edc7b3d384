import { Type } from "typebox";

// Addresses in request bodies, and the ways out of a network.

const OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})";
export const IP = `${OCTET}(\\.${OCTET}){3}`;
export const CIDR = `${IP}/(3[0-2]|[12]?[0-9])`;
export const ip = Type.String({ pattern: `^${IP}$` });
export const cidr = Type.String({ pattern: `^${CIDR}$` });

const maybe = Type.Optional;
/** `nat` as in OpenVIM: the router's address on that bridge. Ours: `ip` says it, and `nat` whether the network is hidden behind it. */
const netLink = Type.Object(
  {
    iface: Type.String({ minLength: 1, maxLength: 15, pattern: "^[^,;()'\"/\\s]+$" }),
    nat: maybe(Type.Union([cidr, Type.Boolean()])),
    ip: maybe(cidr),
    vlan: maybe(Type.Integer({ minimum: 1, maximum: 4094 })),
  },
  { additionalProperties: false },
);
export const netLinks = Type.Array(netLink, { maxItems: 8 });
