import { stringify } from "yaml";
import type { CloudConfig, CloudUser, ConfigFile } from "../model/cloud-config.ts";
import type { Server, ServerPort, VimNet } from "../model/vim-picture.ts";
import { isOf6 } from "./addresses.ts";

// The texts of a NoCloud seed (cloud-init, "NoCloud": meta-data, user-data, network-config). Pure.

/** `nets`: of the ports, by id. */
export function seedTexts(server: Server, config: CloudConfig, ports: readonly ServerPort[], nets: ReadonlyMap<string, VimNet>) {
  return {
    "meta-data": stringify({ "instance-id": server.id, "local-hostname": hostName(server.name) }),
    "user-data": userData(config),
    "network-config": stringify(networkConfig(ports, nets)),
  };
}

/** RFC 1123 (2.1): letters, digits and hyphens. */
const hostName = (name: string): string =>
  name
    .replaceAll(/[^A-Za-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 63) || "server";

/** One document where one says it all, else all of them as a MIME message. */
function userData(config: CloudConfig): string {
  const ours = cloudDocument(config);
  const all = [...(ours === null ? [] : [ours]), ...config.userData];
  const [only] = all;
  return all.length > 1 ? mimeOf(all) : (only ?? "#cloud-config\n{}\n");
}

function cloudDocument({ keyPairs, users, configFiles }: CloudConfig): string | null {
  const document = {
    ...(keyPairs.length > 0 && { ssh_authorized_keys: keyPairs }),
    ...(users.length > 0 && { users: ["default", ...users.map(userOut)] }),
    ...(configFiles.length > 0 && { write_files: configFiles.map(fileOut) }),
  };
  return Object.keys(document).length === 0 ? null : `#cloud-config\n${stringify(document)}`;
}

const userOut = ({ name, userInfo, keyPairs }: CloudUser) => ({
  name,
  ...(userInfo !== null && { gecos: userInfo }),
  ...(keyPairs.length > 0 && { ssh_authorized_keys: keyPairs }),
  sudo: "ALL=(ALL) NOPASSWD:ALL", // As OpenMANO's users have it.
  shell: "/bin/bash",
});

const fileOut = ({ dest, content, encoding, permissions, owner }: ConfigFile) => ({
  path: dest,
  content,
  ...(encoding !== null && { encoding }),
  ...(permissions !== null && { permissions }),
  ...(owner !== null && { owner }),
});

/** A later document adds to an earlier one instead of replacing it (cloud-init, "Merging user-data sections"). */
const MERGE = "list(append)+dict(no_replace,recurse_list)+str()";
const BOUNDARY = "==sempre-user-data==";

/** The kind of a document by its first line (cloud-init, "User-data formats"). */
const KINDS: readonly (readonly [start: string, type: string])[] = [
  ["#cloud-config", "text/cloud-config"],
  ["#!", "text/x-shellscript"],
  ["#include", "text/x-include-url"],
  ["#cloud-boothook", "text/cloud-boothook"],
  ["## template: jinja", "text/jinja2"],
];

function mimeOf(documents: readonly string[]): string {
  const parts = documents.map((text) => {
    const type = KINDS.find(([start]) => text.startsWith(start))?.[1] ?? "text/plain";
    const body = Buffer.from(text).toString("base64").replaceAll(/.{76}/g, "$&\n");
    return [
      `--${BOUNDARY}`,
      `Content-Type: ${type}; charset="utf-8"`,
      "MIME-Version: 1.0",
      "Content-Transfer-Encoding: base64",
      `X-Merge-Type: ${MERGE}`,
      "",
      body,
      "",
    ].join("\n");
  });
  return `Content-Type: multipart/mixed; boundary="${BOUNDARY}"\nMIME-Version: 1.0\n\n${parts.join("")}--${BOUNDARY}--\n`;
}

/** Netplan's version 2: each vNIC by its MAC address, for its name is the guest's own affair. Only the first gateway counts. */
function networkConfig(ports: readonly ServerPort[], nets: ReadonlyMap<string, VimNet>) {
  let hasGateway = false;
  const ethernets = ports.flatMap((port, i) => {
    const net = port.netId === null ? undefined : nets.get(port.netId);
    if (net === undefined || port.mac === null) return [];
    const its = addresses(port, net, !hasGateway);
    hasGateway ||= "routes" in its;
    return [[`nic${i}`, { match: { macaddress: port.mac }, ...its }] as const];
  });
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}

/** By DHCP where the net gives addresses or is for management; as it was asked for where the net says how large it is. */
function addresses({ ip }: ServerPort, { kind, enableDhcp, cidr, gatewayIp, dns }: VimNet, mayRoute: boolean) {
  const of6 = cidr !== null && isOf6(cidr);
  if (enableDhcp && of6) return { dhcp6: true, "accept-ra": true }; // The way out is what a router on the link announces.
  if (enableDhcp || (ip === null && kind === "bridge_man")) return { dhcp4: true };
  if (ip === null || cidr === null) return { dhcp4: false, optional: true };
  return {
    addresses: [`${ip}/${cidr.split("/")[1]}`],
    ...(gatewayIp !== null && mayRoute && { routes: [{ to: of6 ? "::/0" : "0.0.0.0/0", via: gatewayIp }] }),
    ...(dns !== null && dns.length > 0 && { nameservers: { addresses: dns } }),
  };
}
