import type { TenantId } from "../model/ids.ts";
import type { VimEventBody } from "../model/vim-event.ts";
import type { VimPicture } from "../model/vim-picture.ts";

/** Whose server, link port or net an event is about, as the picture stands; null: nobody's, or it is gone. */
export function tenantOf(picture: VimPicture, event: VimEventBody): TenantId | null {
  switch (event.type) {
    case "evidence":
      return event.evidence.about.kind === "server"
        ? (picture.servers.get(event.evidence.about.id)?.tenantId ?? null)
        : ofPort(picture, picture.ports.get(event.evidence.about.id));
    case "server.status":
    case "server.placed":
      return picture.servers.get(event.serverId)?.tenantId ?? null;
    case "port.status":
      return ofPort(picture, picture.ports.get(event.portId));
    case "net.bound":
      return picture.nets.get(event.netId)?.tenantId ?? null;
    case "path.verified":
    case "path.unverified":
    case "path.unseen":
      return picture.nets.get(event.path.netId)?.tenantId ?? null;
    case "image.status":
      return picture.images.get(event.imageId)?.tenants[0] ?? null;
    default:
      return null;
  }
}

/** A vNIC on a bridge has no tenant of its own: it is its server's. */
function ofPort(picture: VimPicture, port: ReturnType<VimPicture["ports"]["get"]>): TenantId | null {
  const { tenantId = null, serverId = null } = port ?? {};
  return tenantId ?? (serverId === null ? null : (picture.servers.get(serverId)?.tenantId ?? null));
}
