// IPv4 prefixes as text: `a.b.c.d/n`, or `a.b.c.d` for one address. Pure.

const BITS = 32;

/** Of an address, or of a prefix `a.b.c.d/n`. */
export function prefixIn(text: string): { readonly ip: string; readonly bits: number } {
  const [ip, bits] = text.split("/") as [string, string?];
  return { ip, bits: bits === undefined ? BITS : Number(bits) };
}

export const prefixText = (ip: string, bits: number): string => (bits === BITS ? ip : `${ip}/${bits}`);

/** The prefix itself, without what an address in it has beyond: `10.0.0.0/24` of `10.0.0.7/24`. */
export function prefixOf(text: string): string {
  const { ip, bits } = prefixIn(text);
  const mask = maskOf(bits).split(".").map(Number);
  return prefixText(
    ip
      .split(".")
      .map((part, i) => Number(part) & (mask[i] ?? 0))
      .join("."),
    bits,
  );
}

/** `255.255.255.0` of 24. */
export const maskOf = (bits: number): string => {
  const mask = bits === 0 ? 0 : (0xffffffff << (BITS - bits)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (mask >>> shift) & 0xff).join(".");
};

/** Undefined for a mask with holes, which no prefix has. */
export function bitsOf(mask: string): number | undefined {
  for (let bits = 0; bits <= BITS; bits++) if (maskOf(bits) === mask) return bits;
  return undefined;
}
