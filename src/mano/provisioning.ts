import { Fault } from "../lib/fault.ts";
import { Turns } from "../lib/turns.ts";
import type { SoftwareOfVdu } from "../model/descriptor.ts";
import type { VimAccountId } from "../model/ids.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import type { OpenVimDirect, VimRow } from "../vimconn/openvim-direct.ts";
import type { Site } from "./lifecycle-parts.ts";
import { type Deployment, netNamesIn, vimsOf } from "./plan.ts";
import { broughtBy, type FlavorWish, type ImageWish, type NetWish, ownName, provisionsOf } from "./provisions.ts";

export interface ProvisioningParts {
  /** The VIM of an account, asked by hand; whoever asks disposes of it. */
  direct(id: VimAccountId): OpenVimDirect;
  /** Where a VIM gets the file of an image from, for a while. Throws NOT_FOUND where no package on board has it. */
  imageUrl(software: SoftwareOfVdu): Promise<string>;
}

/**
 * Brings to a VIM what an NS needs and the VIM has not (decision 0110): images, flavors, nets. Each step is safe to repeat, and nothing is remembered but
 * the NS itself: so a restart goes on where the last run ended. Throws VIM_REFUSED and VIM_UNREACHABLE as the VIM does.
 */
export class Provisioning {
  readonly #parts: ProvisioningParts;
  /** What several NSs share is looked for by one, or taken away by one that ends: never both at once. */
  readonly #shared = new Turns<VimAccountId>();

  constructor(parts: ProvisioningParts) {
    this.#parts = parts;
  }

  /** Asks for what is missing; says what is waited for. Null: all of it is there. */
  async ensure(d: Deployment, { vim, connector, seen, signal }: Site): Promise<string | null> {
    const { images, flavors, nets } = provisionsOf(d, vim, netNamesIn(d, vim));
    const missing = nets.filter((net) => !seen.nets.has(net.id) && !isNamed(net, seen));
    for (const { id, vimName: name, addresses } of missing)
      await connector.ensureNet({ id, name, isPrivate: true, ...(addresses && { addresses }) }, signal);
    if (images.length + flavors.length > 0) {
      using direct = this.#parts.direct(vim);
      const waiting = await this.#shared.take(vim, async () => {
        await ensureFlavors(flavors, direct);
        return this.#ensureImages(images, direct);
      });
      if (waiting !== null) return waiting;
    }
    return missing.length === 0 ? null : `nets are being made: ${missing.map((n) => n.name).join(", ")}`;
  }

  /** Takes away what was brought for it, once its servers are gone; images and flavors only where none of `others` needs them. */
  async release(d: Deployment, others: readonly Deployment[], { vim, connector, seen, signal }: Site): Promise<boolean> {
    const { images, flavors, nets } = broughtBy(d, vim);
    const made = nets.filter((n) => seen.nets.has(n.id));
    for (const { id } of made) await connector.deleteNet(id, signal);
    if (images.length + flavors.length > 0) {
      using direct = this.#parts.direct(vim);
      await this.#shared.take(vim, async () => {
        const users = others.filter((o) => o.ns.id !== d.ns.id && o.vnfcs.length > 0 && vimsOf(o).includes(vim));
        const needed = new Set(
          users.map((o) => provisionsOf(o, vim, [])).flatMap((p) => [...p.images, ...p.flavors].map((x) => x.id)),
        );
        for (const { id } of images) if (!needed.has(id)) await direct.dropImage(id).catch(unlessRefused);
        for (const { id } of flavors) if (!needed.has(id)) await direct.dropFlavor(id).catch(unlessRefused);
      });
    }
    return made.length === 0;
  }

  /** One of this content that was brought before, else one of its name that has this content or says none, else it is brought now. */
  async #ensureImages(wishes: readonly ImageWish[], direct: OpenVimDirect): Promise<string | null> {
    if (wishes.length === 0) return null;
    const there = await direct.images();
    let waiting: string | null = null;
    for (const wish of wishes) {
      const isOwn = there.some((i) => i.id === wish.id);
      if (!isOwn && (await isThere(wish, there, direct))) continue;
      if (!isOwn) await this.#bring(wish, direct);
      const row = await direct.image(wish.id);
      if (row.status === "ERROR") await refuse(wish, row, direct);
      if (row.status === "BUILD") waiting ??= `image ${wish.name} is being brought to the VIM: ${row.progress ?? 0} %`;
    }
    return waiting;
  }

  async #bring({ id, name, software }: ImageWish, direct: OpenVimDirect): Promise<void> {
    const image = { id, name: ownName(name, software.sha256), path: await this.#parts.imageUrl(software) };
    try {
      await direct.ensureImage({ ...image, metadata: { sha256: software.sha256 } });
    } catch (e) {
      // An OpenVIM as the original is knows no such member.
      if (!(e instanceof Fault) || e.code !== "VIM_REFUSED" || e.about.status !== 400) throw e;
      await direct.ensureImage({ ...image, metadata: null });
    }
  }
}

const isNamed = ({ name }: NetWish, seen: Site["seen"]): boolean => netsCalled(seen, name).length > 0;

/** OpenVIM's checksum is an MD5, and it may have none. Of several with one name none is meant, nor one that is not whole, which its list does not say. */
async function isThere({ name, software }: ImageWish, there: readonly VimRow[], direct: OpenVimDirect): Promise<boolean> {
  const [named, ...more] = there.filter((i) => i.name === name);
  if (named === undefined || more.length > 0) return false;
  if (named.checksum !== undefined && String(named.checksum).toLowerCase() !== software.md5) return false;
  return ((await direct.image(String(named.id))).status ?? "ACTIVE") === "ACTIVE";
}

async function ensureFlavors(wishes: readonly FlavorWish[], direct: OpenVimDirect): Promise<void> {
  if (wishes.length === 0) return;
  const there = await direct.flavors();
  for (const wish of wishes) {
    if (there.some((f) => f.id === wish.id || f.name === wish.name)) continue;
    await direct.ensureFlavor({ ...wish, name: ownName(wish.name, wish.id) });
  }
}

/** What came of it is taken away, so that whoever tries again begins anew. */
async function refuse({ id, name }: ImageWish, row: VimRow, direct: OpenVimDirect): Promise<never> {
  await direct.dropImage(id);
  throw new Fault("VIM_REFUSED", `image ${name} could not be brought to the VIM: ${row.last_error ?? "it gives no reason"}`);
}

/** The VIM keeps what servers of others are made from. */
function unlessRefused(e: unknown): void {
  if (!(e instanceof Fault) || e.code !== "VIM_REFUSED") throw e;
}
