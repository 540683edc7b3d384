import { randomUUID } from "node:crypto";
import type { VimAccount } from "../model/ns.ts";
import type { LinkEnd, VimLink } from "../model/stitch.ts";
import type { Deployment } from "./plan.ts";
import type { StitchGround } from "./stitches.ts";

/** A link between VIMs, its ends by the names of their accounts. */
export interface NamedLink {
  readonly ends: readonly { readonly vim: string; readonly switchPort: string }[];
  readonly vlans: VimLink["vlans"];
}

/** Null where one of its VIMs has no account (yet). */
export function linkOf({ ends, vlans }: NamedLink, accounts: readonly VimAccount[]): VimLink | null {
  const [a, b] = ends.flatMap(({ vim, switchPort }): LinkEnd[] => {
    const account = accounts.find((x) => x.name === vim || x.id === vim);
    return account === undefined ? [] : [{ vimAccountId: account.id, switchPort }];
  });
  return a && b ? { ends: [a, b], vlans } : null;
}

/** The links between VIMs that there are accounts for, and what every NS has taken of them. */
export const groundOf = (
  links: readonly NamedLink[],
  accounts: readonly VimAccount[],
  all: readonly Deployment[],
): StitchGround => ({
  links: links.flatMap((link) => linkOf(link, accounts) ?? []),
  taken: all.flatMap((d) => d.stitches),
  nameOf: (vim) => accounts.find((a) => a.id === vim)?.name ?? vim,
  newId: randomUUID,
});
