import { Fault } from "../lib/fault.ts";
import { portNo } from "../model/ids.ts";
import type { SwitchPort } from "../model/switch.ts";

/** What both versions tell of a port. */
export interface WirePort {
  readonly no: number;
  readonly name: string;
  readonly mac: string;
  readonly config: number;
  readonly state: number;
}

/** OFPPC_PORT_DOWN and OFPPS_LINK_DOWN: bit 0 in both versions (1.0, 5.2.1; 1.3, 7.2.1). */
const DOWN = 1;

/** The port as the model has it; null for a reserved one (above `max`: the bridge's own LOCAL port), which no network can be tied to. */
export function switchPort(port: WirePort, max: number): SwitchPort | null {
  if (port.no < 1 || port.no > max) return null;
  return { name: port.name, no: portNo(port.no), mac: port.mac, linkDown: ((port.config | port.state) & DOWN) !== 0 };
}

/** A number that no port of the switch has now, as a name: entries may outlive their port, and must still be told and deleted. */
const nameless = (no: number): string => `#${no}`;
const NAMELESS = /^#(\d{1,10})$/;

/** Reads as a port that cannot exist: stands for what the model has no word for, so that it differs from anything wanted. */
export const IMPOSSIBLE_PORT = nameless(0);

/** The ports of one datapath, by name and by number. */
export class PortBook {
  readonly byName = new Map<string, SwitchPort>();
  readonly #byNo = new Map<number, SwitchPort>();
  /** Grows whenever a name stands for another number than before, or for none. */
  version = 0;

  put(port: SwitchPort): void {
    const known = this.byName.get(port.name);
    if (known?.no === port.no) {
      this.byName.set(port.name, port);
      this.#byNo.set(port.no, port);
      return;
    }
    this.remove(port);
    this.byName.set(port.name, port);
    this.#byNo.set(port.no, port);
  }

  /** Forgets the number, under whatever name it was known: a port may have been renamed. */
  remove(port: SwitchPort): void {
    this.version++;
    const known = this.#byNo.get(port.no);
    if (known !== undefined && this.byName.get(known.name) === known) this.byName.delete(known.name);
    this.#byNo.delete(port.no);
  }

  nameOf(no: number): string {
    return this.#byNo.get(no)?.name ?? nameless(no);
  }

  /** Throws Fault SWITCH_REFUSED for a name that is not among the ports. */
  noOf(name: string): number {
    const port = this.byName.get(name);
    if (port !== undefined) return port.no;
    const digits = NAMELESS.exec(name)?.[1];
    if (digits === undefined) throw new Fault("SWITCH_REFUSED", `the switch has no port ${name}`, { port: name });
    return Number(digits);
  }
}
