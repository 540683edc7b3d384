import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";
import { type Packed, zipOf } from "./zip.ts";

export const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

const EXAMPLE = readFileSync(new URL("../../examples/sol006/vnf-with-image.yaml", import.meta.url), "utf8");

export interface ImagePackage {
  /** The example's `{ vnfd, nsd }`, to be changed. */
  // biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
  readonly edit?: (nfv: any) => void;
  readonly files?: readonly Packed[];
  readonly manifest?: (text: string) => string;
}

/** The example's VNFD in a package that carries `image`, as SOL004 has it: with a manifest and checksums. */
export function imagePackage(
  image: Buffer,
  { edit = () => {}, files = [], manifest = (text) => text }: ImagePackage = {},
): Buffer {
  const { nfv } = parse(EXAMPLE.replace("CHECKSUM", sha256(image)));
  edit(nfv);
  const listed: Packed[] = [
    { name: "vnfd.yaml", bytes: stringify({ nfv: { vnfd: nfv.vnfd } }) },
    { name: "images/appliance.qcow2", bytes: image },
    ...files,
  ];
  const blocks = listed.map((f) => `\nSource: ${f.name}\nAlgorithm: SHA-256\nHash: ${sha256(f.bytes as Buffer)}\n`);
  const meta =
    "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: Sempre\nEntry-Definitions: vnfd.yaml\nETSI-Entry-Manifest: vnf.mf\n";
  return zipOf([
    { name: "TOSCA-Metadata/TOSCA.meta", bytes: meta },
    { name: "vnf.mf", bytes: manifest(`metadata:\n  vnf_product_name: appliance\n${blocks.join("")}`) },
    ...listed,
  ]);
}

/** The NSD of the example. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function imageNsd(edit: (nsd: any) => void = () => {}): string {
  const { nfv } = parse(EXAMPLE);
  edit(nfv.nsd[0]);
  return stringify({ nfv: { nsd: nfv.nsd } });
}
