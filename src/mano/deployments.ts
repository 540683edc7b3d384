import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import { type Deployment, vimsOf } from "./plan.ts";

/** Every NS, found by its id, its name, and what is of it: none of that costs more where there are thousands. */
export class Deployments {
  readonly #all = new Map<NsId, Deployment>();
  readonly #byName = new Map<string, NsId>();
  /** By ids of VNFCs and of VNFs. */
  readonly #byPart = new Map<string, NsId>();

  get all(): readonly Deployment[] {
    return [...this.#all.values()];
  }

  get(id: NsId): Deployment | undefined {
    return this.#all.get(id);
  }

  named(name: string): Deployment | undefined {
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.#all.get(id);
  }

  /** Those that have something in this VIM. */
  inVim(vim: VimAccountId): Deployment[] {
    return this.all.filter((d) => vimsOf(d).includes(vim));
  }

  vnfcOf(id: VnfcId): { readonly deployment: Deployment; readonly vnfc: Vnfc } | undefined {
    const deployment = this.#with(id);
    const vnfc = deployment?.vnfcs.find((v) => v.id === id);
    return deployment && vnfc && { deployment, vnfc };
  }

  vnfOf(id: string): { readonly deployment: Deployment; readonly vnf: VnfInstance } | undefined {
    const deployment = this.#with(id);
    const vnf = deployment?.vnfs.find((v) => v.id === id);
    return deployment && vnf && { deployment, vnf };
  }

  set(id: NsId, d: Deployment): void {
    const had = this.#all.get(id);
    if (had?.vnfcs !== d.vnfcs || had.vnfs !== d.vnfs) {
      if (had) for (const part of partsOf(had)) this.#byPart.delete(part);
      for (const part of partsOf(d)) this.#byPart.set(part, id);
    }
    if (had && had.ns.name !== d.ns.name) this.#byName.delete(had.ns.name);
    this.#byName.set(d.ns.name, id);
    this.#all.set(id, d);
  }

  delete(id: NsId): void {
    const had = this.#all.get(id);
    if (!had) return;
    for (const part of partsOf(had)) this.#byPart.delete(part);
    this.#byName.delete(had.ns.name);
    this.#all.delete(id);
  }

  #with(part: string): Deployment | undefined {
    const id = this.#byPart.get(part);
    return id === undefined ? undefined : this.#all.get(id);
  }
}

const partsOf = ({ vnfcs, vnfs }: Deployment): string[] => [...vnfcs, ...vnfs].map((p) => p.id);
