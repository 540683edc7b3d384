import type { HostInterface, Pinned, PinnedInterface, Sriov } from "../model/numa.ts";
import type { InterfaceNeed } from "./need.ts";

/** A network card and what of it is free. */
export interface Card {
  readonly card: HostInterface;
  readonly freeMbps: number;
  readonly freeSriovs: readonly Sriov[];
  /** Somebody has it, or part of it, for himself. */
  readonly isUsed: boolean;
}

/** Cards of a NUMA node, the fullest first, as OpenVIM orders them: by free Mbps, then by free functions, then by PCI address. */
export function freeCards(cards: readonly HostInterface[], taken: readonly Pinned[], onlySwitched: boolean): Card[] {
  const used = taken.flatMap((p) => p.interfaces);
  return cards
    .filter((card) => !onlySwitched || card.switchPort !== null)
    .map((card) => freeOf(card, used))
    .sort((a, b) => a.freeMbps - b.freeMbps || a.freeSriovs.length - b.freeSriovs.length || (a.card.pci < b.card.pci ? -1 : 1));
}

function freeOf(card: HostInterface, used: readonly PinnedInterface[]): Card {
  const its = used.filter((u) => u.cardPci === card.pci);
  const isWhole = its.some((u) => u.dedicated !== "no");
  return {
    card,
    freeMbps: isWhole ? 0 : card.mbps - its.reduce((n, u) => n + u.mbps, 0),
    freeSriovs: isWhole ? [] : card.sriovs.filter((s) => !its.some((u) => u.pci === s.pci)),
    isUsed: its.length > 0,
  };
}

/**
 * A function for each interface, or the one there is none for. Greedy, as OpenVIM: those who want a whole card first, in each kind those
 * of more bandwidth first, each the first card that has room.
 */
export function chooseInterfaces(needs: readonly InterfaceNeed[], cards: readonly Card[]): PinnedInterface[] | InterfaceNeed {
  const byBandwidth = [...needs].sort((a, b) => b.mbps - a.mbps);
  const wholeFirst = [...byBandwidth.filter((n) => n.dedicated !== "no"), ...byBandwidth.filter((n) => n.dedicated === "no")];
  const chosen: PinnedInterface[] = [];
  const left = [...cards];
  for (const need of wholeFirst) {
    const at = left.findIndex((c) => hasRoom(c, need));
    if (at === -1) return need;
    const { card, freeSriovs } = left[at]!;
    const given = give(need, card, freeSriovs[0]);
    chosen.push(given);
    left[at] = freeAfter(left[at]!, given);
  }
  return chosen;
}

function hasRoom({ card, freeMbps, freeSriovs, isUsed }: Card, { dedicated, mbps }: InterfaceNeed): boolean {
  if (dedicated === "no") return freeSriovs.length > 0 && freeMbps >= mbps;
  return !isUsed && card.mbps >= mbps && (dedicated === "yes" || freeSriovs.length > 0);
}

function give({ name, dedicated, mbps, mac }: InterfaceNeed, card: HostInterface, sriov: Sriov | undefined): PinnedInterface {
  const given = dedicated === "yes" ? card : sriov!;
  return {
    name,
    dedicated,
    pci: given.pci,
    cardPci: card.pci,
    mac: dedicated === "yes" ? card.mac : (mac ?? given.mac),
    mbps: dedicated === "no" ? mbps : card.mbps,
    switchPort: card.switchPort,
  };
}

const freeAfter = ({ card, freeMbps, freeSriovs }: Card, given: PinnedInterface): Card => ({
  card,
  freeMbps: freeMbps - given.mbps,
  freeSriovs: given.dedicated === "no" ? freeSriovs.filter((s) => s.pci !== given.pci) : [],
  isUsed: true,
});
