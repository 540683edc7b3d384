import { Fault } from "../lib/fault.ts";
import { type LibvirtAt, type LibvirtTlsFiles, TLS_PORT } from "./libvirt-stream.ts";

/** An address in libvirt's own words (formatting of libvirt URIs, "Remote management"). */
export type LibvirtUri =
  | { readonly kind: "unix"; readonly socketPath: string }
  | { readonly kind: "tls"; readonly host: string; readonly port: number };

const WANT = "want qemu+tls://HOST[:PORT]/system, or qemu+unix:///system?socket=PATH for one of this machine";

/** Throws INVALID for what is no address that is spoken here: plain TCP and ssh are not. */
export function parseLibvirtUri(uri: string): LibvirtUri {
  const no = (why: string) => new Fault("INVALID", `libvirt_uri '${uri}': ${why}; ${WANT}`);
  if (!URL.canParse(uri)) throw no("it is no URI");
  const { protocol, hostname, port, pathname, searchParams, username, password, hash } = new URL(uri);
  if (pathname !== "/system" || hash !== "" || username !== "" || password !== "") throw no("it names something else");
  if (protocol === "qemu+tls:" && hostname !== "" && searchParams.size === 0)
    return { kind: "tls", host: hostname.replace(/^\[(.*)\]$/, "$1"), port: port === "" ? TLS_PORT : Number(port) };
  const socketPath = searchParams.get("socket");
  if (protocol === "qemu+unix:" && hostname === "" && socketPath?.startsWith("/") && searchParams.size === 1)
    return { kind: "unix", socketPath };
  throw no("it is spoken to otherwise");
}

export const tlsUri = (host: string): string => `qemu+tls://${host.includes(":") ? `[${host}]` : host}/system`;

export const libvirtAt = (uri: LibvirtUri, files: LibvirtTlsFiles): LibvirtAt =>
  uri.kind === "unix" ? { socketPath: uri.socketPath } : { tls: { host: uri.host, port: uri.port, files } };
