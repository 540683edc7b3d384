import type { Action } from "../../src/model/flow.ts";
import type { FabricNet, FabricPort } from "../../src/steer/fabric.ts";

/**
 * What a table of flow entries must do with frames, said without any flow entry: who is in a net hears its broadcast, a frame for a known
 * address reaches it, and one for an unknown address reaches whoever declared none. It is told apart from the rule that makes entries, so
 * that one can be held against the other.
 */

/** A frame that enters the switch. */
interface Frame {
  readonly port: string;
  readonly vlan: number | null;
  readonly dst: string;
}

/** An entry, as far as it says where frames go. `vlan` "none": without a tag; absent: any tag or none. */
export interface Leading {
  readonly priority: number;
  readonly match: { readonly inPort?: string; readonly vlan?: number | "none"; readonly ethDst?: string };
  readonly actions: readonly Action[];
}

interface Way {
  readonly from: string;
  readonly to: string;
  readonly mac: string | null;
}

const BROADCAST = "ff:ff:ff:ff:ff:ff";
/** Locally administered, and declared by no port. */
const UNKNOWN = "0e:00:00:00:00:01";

const place = (port: string, vlan: number | null) => `${port} ${vlan === null ? "untagged" : `vlan ${vlan}`}`;

/** One sentence for each frame that goes where it should not, or does not go where it should. */
export function wrongWays(nets: readonly FabricNet[], entries: readonly Leading[]): string[] {
  const wrong: string[] = [];
  const bySource = Map.groupBy(waysOf(nets), (w) => w.from);
  for (const [source, ways] of bySource) {
    const [port, vlan] = source.split("|") as [string, string];
    const all = new Set(ways.map((w) => w.to));
    const led = (dst: string) => new Set(leaves(entries, { port, vlan: vlan === "" ? null : Number(vlan), dst }));
    const say = (dst: string, what: string) =>
      wrong.push(`a frame from ${place(port, vlan === "" ? null : Number(vlan))} to ${dst} ${what}`);

    const everywhere = led(BROADCAST);
    for (const to of all.difference(everywhere)) say("everybody", `does not reach ${to}`);
    for (const to of everywhere.difference(all)) say("everybody", `reaches ${to}, which is not of its nets`);
    for (const { mac, to } of ways) {
      const dst = mac ?? UNKNOWN;
      if (!led(dst).has(to)) say(dst, `does not reach ${to}`);
      for (const other of led(dst).difference(all)) say(dst, `reaches ${other}, which is not of its nets`);
    }
  }
  return [...new Set(wrong)];
}

/** Where it leaves: by the entry of the highest priority that matches, as a switch does it. */
function leaves(entries: readonly Leading[], frame: Frame): string[] {
  const best = entries.reduce<Leading | null>(
    (a, b) => (matches(b, frame) && (a === null || b.priority > a.priority) ? b : a),
    null,
  );
  return best === null ? [] : places(best.actions, frame.vlan);
}

function matches({ match: { inPort, vlan, ethDst } }: Leading, frame: Frame): boolean {
  const isVlan = vlan === undefined || (frame.vlan ?? "none") === vlan;
  const isDst = ethDst === undefined || ethDst === frame.dst || (ethDst.includes("/") && frame.dst === BROADCAST);
  return (inPort === undefined || inPort === frame.port) && isVlan && isDst;
}

function places(actions: readonly Action[], vlan: number | null): string[] {
  let tag = vlan;
  return actions.flatMap((a) => {
    if (a.do === "setVlan") tag = a.vlan;
    if (a.do === "stripVlan") tag = null;
    return a.do === "output" ? [place(a.port, tag)] : [];
  });
}

function waysOf(nets: readonly FabricNet[]): Way[] {
  return nets.flatMap((a) => nets.flatMap((b) => a.ports.flatMap((s) => b.ports.flatMap((t) => wayOf(a, s, b, t) ?? []))));
}

/** A tag of the boundary and one of the port would be two tags, which the fabric does not carry. */
function wayOf(a: FabricNet, s: FabricPort, b: FabricNet, t: FabricPort): Way | null {
  if (s === t || !(a === b || a.bindNet === b.id || b.bindNet === a.id)) return null;
  const boundaryIn = a !== b && a.bindNet !== b.id ? b.bindVlan : null;
  const boundaryOut = a !== b && a.bindNet === b.id ? a.bindVlan : null;
  if ((boundaryIn !== null && s.vlan !== null) || (boundaryOut !== null && t.vlan !== null)) return null;
  const [vlanIn, vlanOut] = [boundaryIn ?? s.vlan, boundaryOut ?? t.vlan];
  if (s.switchPort === t.switchPort && vlanIn === vlanOut) return null; // Left to the card that both are on.
  return { from: `${s.switchPort}|${vlanIn ?? ""}`, to: place(t.switchPort, vlanOut), mac: t.mac };
}
