import { Fault } from "../lib/fault.ts";

/*
 * A server's domain carries the epoch of the VIM that last defined it, as metadata of ours (libvirt, domain XML, "general
 * metadata": one element per namespace, which libvirt keeps and does not read).
 */
const NAMESPACE = "urn:sempre:vim:1";

export const epochXml = (epoch: number): string =>
  `<metadata><sempre:server xmlns:sempre='${NAMESPACE}' epoch='${epoch}'/></metadata>`;

/** Null where a domain carries none: somebody else made it, or a VIM of before there were epochs. */
export function epochOf(domainXml: string): number | null {
  const element = /<(\w+):server\s[^>]*>/g;
  const ours = [...domainXml.matchAll(element)].find(([text]) => text.includes(NAMESPACE))?.[0];
  const epoch = ours === undefined ? undefined : /\sepoch=['"](\d+)['"]/.exec(ours)?.[1];
  return epoch === undefined ? null : Number(epoch);
}

/** Throws STALE_EPOCH where a later leader has taken this domain: what we believe of it is old. */
export function refuseIfLater(domainXml: string, epoch: number, id: string): void {
  const theirs = epochOf(domainXml);
  if (theirs === null || theirs <= epoch) return;
  throw new Fault("STALE_EPOCH", `server ${id} is led under epoch ${theirs}, and ours is ${epoch}: it is left as it is`, {
    server: id,
    theirs,
    epoch,
  });
}
