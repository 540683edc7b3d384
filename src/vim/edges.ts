import type { HostEvent } from "../hosts/host.ts";
import type { OvsdbEvent } from "../hosts/ovsdb.ts";
import type { Evidence } from "../model/evidence.ts";
import type { DatapathId, HostId, ServerId } from "../model/ids.ts";
import type { SwitchEvent } from "../model/switch.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Fabric } from "./fabric.ts";
import { leftoverKey } from "./picture.ts";
import type { Probe } from "./probe.ts";
import type { Vim } from "./vim.ts";

/** What the switch says becomes facts at once; the flow entries follow what ports it has. */
export function onSwitch(vim: Vim, probe: Probe, sessionOf: (datapath: DatapathId) => FlowSwitch): (e: SwitchEvent) => void {
  return (e) => {
    vim.facts.gather();
    switch (e.type) {
      case "up":
        vim.fabric.connected(sessionOf(e.datapath));
        vim.bfd.switchConnected();
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "connected" });
        for (const isDown of [true, false])
          for (const port of e.ports)
            if (port.linkDown === isDown) vim.facts.link("portStatus", port.name, !isDown, vim.events.now());
        return;
      case "down":
        vim.fabric.disconnected(e.datapath);
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "disconnected", why: e.why });
        return;
      case "port":
        vim.facts.link("portStatus", e.port.name, e.reason !== "delete" && !e.port.linkDown, e.seenAt);
        if (e.reason !== "modify") vim.fabric.portsChanged(e.reason, e.port.name);
        return;
      case "packetIn":
        probe.packetIn(e);
        return;
      case "refused":
        vim.fabric.distrust(e.datapath);
    }
  };
}

/** The same of a switch behind somebody else's controller: no packet comes from there, and its ports are asked for, not told. */
export function onSwitchElsewhere(vim: Vim, fabric: Fabric, sessionOf: () => FlowSwitch): (e: SwitchEvent) => void {
  return (e) => {
    vim.facts.gather();
    switch (e.type) {
      case "up":
        fabric.connected(sessionOf());
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "connected" });
        for (const port of e.ports) vim.facts.link("portStatus", port.name, !port.linkDown, vim.events.now());
        return;
      case "down":
        fabric.disconnected(e.datapath);
        vim.events.push({ type: "switch.status", datapath: e.datapath, status: "disconnected" });
        return;
      case "port":
        vim.facts.link("portStatus", e.port.name, e.reason !== "delete" && !e.port.linkDown, e.seenAt);
        if (e.reason !== "modify") fabric.portsChanged(e.reason, e.port.name);
        return;
      case "refused":
        fabric.distrust();
    }
  };
}

/** What a compute host says; one that can be asked again is compared with the servers. */
export function onHost(vim: Vim, hostId: HostId): (e: HostEvent) => void {
  return (e) => {
    vim.facts.gather();
    if (e.type === "evidence") {
      if (isOf(vim, hostId, e.evidence)) vim.facts.evidence(e.evidence);
      return;
    }
    if (e.type === "guest") {
      vim.beats.heard(e);
      return;
    }
    if (e.type === "ioError") {
      if (isHere(vim, hostId, e.id)) vim.facts.diskFailed(e);
      return;
    }
    vim.hostStates.heard(hostId, e);
    if (e.status === "up") vim.computeLoops.get(hostId)?.wake();
  };
}

/** A server that was made anew elsewhere may still run here: what is seen of that is not about the server that counts. */
function isOf(vim: Vim, hostId: HostId, { about }: Evidence): boolean {
  return about.kind !== "server" || isHere(vim, hostId, about.id);
}

const isHere = ({ picture }: Vim, hostId: HostId, serverId: ServerId): boolean =>
  picture.servers.get(serverId)?.hostId === hostId && !picture.leftovers.has(leftoverKey({ serverId, hostId }));

/** What the switch's own database says of its ports. */
export function onOvsdb(vim: Vim): (e: OvsdbEvent) => void {
  return (e) => {
    if (e.type === "closed") return;
    vim.facts.gather();
    if (e.type === "link") vim.facts.link("ovsdb", e.port, e.linkUp, e.seenAt);
    if (e.type === "bfd") vim.bfd.heard(e.port, e.status, e.seenAt);
    vim.bfdLoop.wake(); // There may be a port now that is to run it.
  };
}
