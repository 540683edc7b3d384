import type { Extended, ExtendedNuma } from "../../model/vim-picture.ts";
import { WireError } from "./wire-error.ts";

const KINDS = ["cores", "threads", "paired-threads"] as const;

/** The rules of `extended` that no schema can say, in the original's words. Throws 503 for what it never could, else 400. */
export function checkExtended(extended: { readonly numas?: readonly unknown[] | undefined }): void {
  const numas = (extended.numas ?? []) as readonly ExtendedNuma[];
  if (numas.length > 1) throw new WireError(503, "only one numa can be defined in this version ");
  for (const [i, numa] of numas.entries()) checkNuma(numa, i);
}

function checkNuma(numa: ExtendedNuma, index: number): void {
  const kinds = KINDS.filter((k) => numa[k] !== undefined);
  if (kinds.length > 1)
    throw new WireError(503, `only one of cores, threads, paired-threads are allowed in this version at numa ${index}`);
  for (const kind of kinds) {
    const ids = numa[`${kind}-id`] as readonly unknown[] | undefined;
    if (ids && ids.length !== numa[kind]) {
      throw new WireError(400, `different number of ${kind}-id (${ids.length}) than ${kind} (${numa[kind]}) at numa ${index}`);
    }
  }
}

interface AskedInterface {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
}

const TYPE_OF = { yes: "PF", no: "VF", "yes:sriov": "VFnotShared" } as const;

/** A vNIC that is no virtual one is described in the flavor under the same name, and both must agree. Throws 400. */
export function checkInterfaces(asked: readonly AskedInterface[], extended: Extended | null): void {
  const known = extended?.numas?.[0]?.interfaces ?? [];
  for (const { name, type } of asked) {
    if (type === undefined || type === "virtual") continue;
    const inFlavor = known.find((i) => i.name === name);
    if (!inFlavor) throw new WireError(400, `Error at field netwoks: interface '${name}' of type ${type} is not in the flavor`);
    if (TYPE_OF[inFlavor.dedicated] !== type) {
      throw new WireError(
        400,
        `Error at field netwoks: mismatch at interface '${name}' from flavor 'dedicated=${inFlavor.dedicated}' and networks 'type=${type}'`,
      );
    }
  }
}
