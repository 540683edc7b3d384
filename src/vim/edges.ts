import type { HostEvent } from "../hosts/host.ts";
import type { DatapathId, HostId } from "../model/ids.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { FabricSwitch } from "./fabric.ts";
import type { Probe } from "./probe.ts";
import type { Vim } from "./vim.ts";

/** What the switch says becomes facts at once; the flow entries follow what ports it has. */
export function onSwitch(vim: Vim, probe: Probe, sessionOf: (datapath: DatapathId) => FabricSwitch): (e: SwitchEvent) => void {
  return (e) => {
    switch (e.type) {
      case "up":
        vim.fabric.connected(sessionOf(e.datapath));
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "connected" });
        for (const port of e.ports) vim.facts.link("portStatus", port.name, !port.linkDown, vim.events.now());
        return;
      case "down":
        vim.fabric.disconnected(e.datapath);
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "disconnected" });
        return;
      case "port":
        vim.facts.link("portStatus", e.port.name, e.reason !== "delete" && !e.port.linkDown, e.seenAt);
        if (e.reason !== "modify") vim.fabric.follow();
        return;
      case "packetIn":
        probe.packetIn(e);
        return;
      case "refused":
        vim.fabric.distrust();
    }
  };
}

/** What a compute host says; one that can be asked again is compared with the servers. */
export function onHost(vim: Vim, hostId: HostId): (e: HostEvent) => void {
  return (e) => {
    if (e.type === "evidence") return vim.facts.evidence(e.evidence);
    const why = e.why === undefined ? {} : { why: e.why };
    vim.events.push({ type: "host.status", hostId, status: e.status, ...why });
    if (e.status === "up") vim.computeLoop?.wake();
  };
}
