import { expect } from "vitest";
import { stringify } from "yaml";
import { type FlavourBed, flavoured } from "./flavoured.ts";

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

/** A VNFD of the relays in a new version, whose machines are made from an image of its own. It comes without an NSD. */
export function upgraded(vnfd: Loose, version: string, change: (vnfd: Loose) => void = () => {}): string {
  const next = structuredClone(vnfd);
  next.version = version;
  next["software-version"] = version;
  next["sw-image-desc"] = [{ id: "relay-image", name: `media-relay-${version}`, version }];
  change(next);
  return stringify({ nfv: { vnfd: [next] } });
}

export const relays = (): Loose => flavoured().nfv.vnfd[0];

/** The image of a version, in the toy. */
export const imageOf = (version: string) => ({ id: `image-${version}`, name: `media-relay-${version}` });

/** A bed with a second version of the relays on board, and the VIM's image of it. */
export async function withUpgrade(
  bed: FlavourBed,
  version = "2.0",
  change?: (vnfd: Loose) => void,
): Promise<{ readonly record: string }> {
  const image = imageOf(version);
  bed.rig.vim.images.set(image.id, image);
  const { status, body } = await bed.rig.onboard(upgraded(relays(), version, change));
  expect({ status, body }).toMatchObject({ status: 201 });
  return { record: body[0].id };
}

/** From which image each machine was made, by its last letter. */
export const sourcesOf = ({ rig }: FlavourBed): string =>
  [...rig.vim.servers.values()]
    .map((s) => `${s.name.slice(-1)}:${s.imageRef}`)
    .sort()
    .join();
