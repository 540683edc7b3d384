import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readText } from "../../src/descriptor/read.ts";
import { compiledWith, sizeKept } from "../../src/mano/reshape-plan.ts";
import type { VnfBlueprint } from "../../src/model/blueprint.ts";
import type { Nsd, NsdFlavour, Vnfd } from "../../src/model/descriptor.ts";
import type { VnfInstance } from "../../src/model/occurrence.ts";
import { example } from "./rig.ts";

// What an NS is compiled into when VNFs of it are to be of another VNFD, and how large they are then.

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

function read(name: string, change: (nfv: Loose) => void = () => {}): { readonly nsd: Nsd; readonly vnfds: readonly Vnfd[] } {
  const file = parse(example(`sol006/${name}.yaml`));
  change(file.nfv);
  const { outcome, flaws } = readText(stringify(file), "f.yaml");
  expect(flaws).toEqual([]);
  return { nsd: outcome!.descriptor.nsds[0]!, vnfds: outcome!.descriptor.vnfds };
}

const blueprintIn = ({ vnfds }: { readonly vnfds: readonly Vnfd[] }): VnfBlueprint => vnfds.find((v) => v.blueprint)!.blueprint!;

test("two VNF profiles of one NSD may have two versions of one VNFD", () => {
  const first = read("single", ({ nsd: [nsd] }) => {
    const [profile] = nsd.df[0]["vnf-profile"];
    nsd.df[0]["vnf-profile"].push(
      JSON.parse(
        JSON.stringify({ ...profile, id: "more" }).replaceAll(
          '"constituent-base-element-id":"relay"',
          '"constituent-base-element-id":"more"',
        ),
      ),
    );
  });
  const second = read("single", ({ vnfd: [vnfd] }) => {
    vnfd.version = "2.0";
    vnfd["sw-image-desc"][0].name = "media-relay-2";
  });
  const [vnfd, next] = [first, second].map(blueprintIn);
  const wish = (profile: string, of: VnfBlueprint) => ({
    profile,
    vnfd: of,
    packageId: `${of.id} ${of.version}`,
    flavour: "default",
  });
  const imagesOf = ({ vnfd: made }: NsdFlavour) => made.vdus.map((v) => [v.id, v.image]);
  const wishes = [wish("relay", next!), { ...wish("more", vnfd!), isAsWritten: true }];
  const made = compiledWith(first.nsd.written!, wishes, [vnfd!]);
  expect(imagesOf(made)).toEqual([
    ["relay-relay", "media-relay-2"],
    ["more-relay", "media-relay"],
  ]);
  expect(made.nsd.vnfs?.map((v) => v.vnfd)).toEqual(["single-relay", "single-relay"]);
  expect(made.nsd).not.toHaveProperty("written");
  expect(imagesOf(compiledWith(first.nsd.written!, [], [vnfd!]))).toEqual([
    ["relay-relay", "media-relay"],
    ["more-relay", "media-relay"],
  ]);
});

const vnf = (names: string, level: number): VnfInstance =>
  ({
    id: "v",
    name: "media-relays",
    profile: "relays",
    ordinal: 0,
    vnfcs: names.split(" ").map((n) => `relay-${n}`),
    scale: { relays: level },
  }) as unknown as VnfInstance;
const madeOf = (of: ReturnType<typeof read>): NsdFlavour => ({ nsd: of.nsd, vnfd: of.vnfds.find((v) => v.id === of.nsd.vnfd)! });
const kept = (of: ReturnType<typeof read>, names: string, level: number) => {
  const one = vnf(names, level);
  const { vnfcs, scale } = sizeKept(madeOf(of), { vnfs: [one] }, one);
  return [vnfcs.map((n) => n.replace("relay-", "")).join(" "), scale];
};
const scaled = (change?: (nfv: Loose) => void) => read("media-service-scaled", change);

test("a VNF keeps the levels of its aspects, and those VNFCs that it has", () => {
  expect(kept(scaled(), "a b c", 1)).toEqual(["a b c", { relays: 1 }]);
  expect(kept(scaled(), "b d", 0)).toEqual(["b d", { relays: 0 }]);
  expect(kept(scaled(), "a b c d e", 3)).toEqual(["a b c d e", { relays: 3 }]);
});

test("at the same level as many as the new VNFD has there", () => {
  const larger = scaled(({ vnfd: [{ df }] }) => {
    const one = df[0];
    one["scaling-aspect"][0]["max-scale-level"] = 2;
    one["instantiation-level"] = [
      {
        id: "normal",
        "vdu-level": [{ "vdu-id": "relay", "number-of-instances": 4 }],
        "scaling-info": [{ "scaling-aspect-id": "relays", "scale-level": 1 }],
      },
    ];
    one["default-instantiation-level"] = "normal";
  });
  expect(kept(larger, "a c d", 1)).toEqual(["a b c d", { relays: 1 }]);
  expect(kept(larger, "a c", 0)).toEqual(["a b c", { relays: 0 }]);
  expect(() => kept(larger, "a b c d e", 3)).toThrow(
    "is at level 3 of scaling aspect relays, and would have 2 at most; scale it to that first",
  );
  const fixed = scaled(({ vnfd: [{ df, vdu }], nsd: [{ df: ofNs }] }) => {
    delete df[0]["scaling-aspect"];
    df[0]["instantiation-level"] = [{ id: "normal", "vdu-level": [{ "vdu-id": "relay", "number-of-instances": 3 }] }];
    df[0]["vdu-profile"][0]["max-number-of-instances"] = 3;
    vdu[0].vnfc.splice(3);
    ofNs[0]["vnf-profile"][0].member.splice(3);
  });
  expect(kept(fixed, "a b", 0)).toEqual(["a b c", {}]);
  expect(() => kept(fixed, "a b c", 1)).toThrow("would have 0 at most");
});
