import type { Action, FlowEntry } from "../../src/model/flow.ts";
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
export function wrongWays(nets: readonly FabricNet[], entries: readonly FlowEntry[]): string[] {
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

/** Two nets at one place of the switch: whose a frame from there is, nobody can tell. Our VIM takes the second one no more. */
export function isContested(nets: readonly FabricNet[]): boolean {
  const holders = new Map<string, FabricNet>();
  const claims = nets.flatMap((a) =>
    nets.flatMap((b) => a.ports.flatMap((s) => (sourceOf(a, s, b) === null ? [] : [{ net: a, at: sourceOf(a, s, b)! }]))),
  );
  for (const { net, at } of claims) {
    if ((holders.get(at) ?? net) !== net) return true;
    holders.set(at, net);
  }
  return false;
}

/** Where frames of this port towards that net come in; null: none can. */
function sourceOf(a: FabricNet, s: FabricPort, b: FabricNet): string | null {
  if (a !== b && a.bindNet !== b.id && b.bindNet !== a.id) return null;
  const boundary = a !== b && b.bindNet === a.id ? b.bindVlan : null;
  return boundary !== null && s.vlan !== null ? null : `${s.switchPort}|${boundary ?? s.vlan ?? ""}`;
}

/** Where it leaves: by the entry of the highest priority that matches, as a switch does it. */
function leaves(entries: readonly FlowEntry[], frame: Frame): string[] {
  const best = entries.reduce<FlowEntry | null>(
    (a, b) => (matches(b, frame) && (a === null || b.priority > a.priority) ? b : a),
    null,
  );
  return best === null ? [] : places(best.actions, frame.vlan);
}

function matches({ match: { inPort, vlan, ethDst } }: FlowEntry, frame: Frame): boolean {
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
  const from = sourceOf(a, s, b);
  const boundaryOut = a !== b && a.bindNet === b.id ? a.bindVlan : null;
  if (from === null || (boundaryOut !== null && t.vlan !== null)) return null;
  const vlanOut = boundaryOut ?? t.vlan;
  if (from === `${t.switchPort}|${vlanOut ?? ""}`) return null; // Left to the card that both are on.
  return { from, to: place(t.switchPort, vlanOut), mac: t.mac };
}
