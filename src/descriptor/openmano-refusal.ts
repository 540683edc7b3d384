import type { Flaw } from "./flaw.ts";

/** How OpenMANO's API refuses a descriptor: the first thing that is wrong, in the original's words where it has some. */
export function openmanoRefusal(flaws: readonly Flaw[]): { readonly code: number; readonly description: string } {
  const flaw = [...flaws].sort((a, b) => rank(a) - rank(b))[0];
  if (flaw === undefined) return { code: 400, description: "Invalid content" };
  const keys = [...flaw.path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key! : Number(index),
  );
  const at = (path: readonly (string | number)[]) =>
    path.length === 0 ? "" : ` at ${path.map((k) => JSON.stringify(k)).join(":")}`;
  const [last, parents] = [keys.at(-1), keys.slice(0, -1)];
  const [, vnf] = /^there is no VNFD "(.*)"$/.exec(flaw.what) ?? [];
  if (vnf !== undefined) return { code: 404, description: `Unknown 'vnf_name' ${vnf} at ${keys.map((k) => `'${k}'`).join(":")}` };
  if (flaw.what === "is missing")
    return { code: 400, description: `Invalid content '${last}' is a required property${at(parents)}` };
  if (flaw.what === "there is no such key")
    return {
      code: 400,
      description: `Invalid content Additional properties are not allowed ('${last}' was unexpected)${at(parents)}`,
    };
  return { code: 400, description: `Invalid content ${flaw.what}; ${flaw.remedy}${at(keys)}` };
}

/** The original looks at the outer parts first. */
const rank = (flaw: Flaw): number => flaw.path.split(/[.[]/).length;
