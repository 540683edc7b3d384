import { type Static, Type } from "typebox";
import type { HostSwitchAt } from "../../model/vim-picture.ts";

const closed = { additionalProperties: false };
const BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";

/** A switch of a host's own, as it is asked for and shown. Ours: OpenVIM's hosts have theirs by its own hand. */
export const hostSwitch = Type.Object(
  {
    ovsdb: Type.String({ pattern: "^(unix:/[!-~]+|tcp:[^\\s:]+:[0-9]{1,5})$", maxLength: 255 }),
    bridge: Type.String({ minLength: 1, maxLength: 64, pattern: "^[^\\s,;()'\"/]+$" }),
    tunnel_ip: Type.String({ pattern: `^(${BYTE}\\.){3}${BYTE}$` }),
  },
  { ...closed, description: "a switch of its own, of a host that was opened by request (decision 0073)" },
);

export const hostSwitchIn = (s: Static<typeof hostSwitch>): HostSwitchAt => ({
  ovsdb: s.ovsdb,
  bridge: s.bridge,
  tunnelIp: s.tunnel_ip,
});

export const hostSwitchOut = (s: HostSwitchAt): Static<typeof hostSwitch> => ({
  ovsdb: s.ovsdb,
  bridge: s.bridge,
  tunnel_ip: s.tunnelIp,
});
