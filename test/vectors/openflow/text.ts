/** JSON for messages: a bigint stands as "10n", bytes as "hex:00ff". No text field of a recorded message looks like that. */
export function toText(message: unknown): string {
  const plain = (_: string, v: unknown) => {
    if (typeof v === "bigint") return `${v}n`;
    return v instanceof Uint8Array ? `hex:${Buffer.from(v).toString("hex")}` : v;
  };
  return `${JSON.stringify(message, plain, 1)}\n`;
}

export function fromText(text: string): unknown {
  return JSON.parse(text, (_, v: unknown) => {
    if (typeof v !== "string") return v;
    if (/^\d+n$/.test(v)) return BigInt(v.slice(0, -1));
    return v.startsWith("hex:") ? new Uint8Array(Buffer.from(v.slice(4), "hex")) : v;
  });
}
