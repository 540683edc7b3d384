import { createHash } from "node:crypto";

/** The same UUID for the same text, always (RFC 9562 version 8): what is written again after a restart is the same thing. */
export function nameUuid(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whether it may be one of these: of version 8, which those who name what they make at random do not use. */
export const isNameUuid = (id: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-/i.test(id);
