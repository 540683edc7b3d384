import { insertOwner, readOwners } from "../store/mano-owners.ts";
import type { ManoStore } from "../store/mano-schema.ts";

/** Which tenant a network service, a package, a descriptor or a VIM account is of. */
export class Owners {
  readonly #db: ManoStore;
  readonly #all: Map<string, string>;

  private constructor(db: ManoStore, all: Map<string, string>) {
    this.#db = db;
    this.#all = all;
  }

  static async load(db: ManoStore): Promise<Owners> {
    return new Owners(db, await readOwners(db));
  }

  /** Null: nobody in particular. */
  of(id: string): string | null {
    return this.#all.get(id) ?? null;
  }

  /** What may be part of what an owner makes: its own, and nobody's. What is nobody's is for all, and so stands on nothing that is one tenant's. */
  usableBy(owner: string | null): (id: string) => boolean {
    return (id) => [null, owner].includes(this.of(id));
  }

  /** Before it is written itself, or together with it: what is there has its owner. `tenant` null: it has none. */
  async give(id: string, tenant: string | null, db = this.#db): Promise<void> {
    if (tenant === null) return;
    await insertOwner(db, id, tenant);
    this.#all.set(id, tenant);
  }
}
