import { Type } from "typebox";

const word = Type.Optional(Type.String({ maxLength: 2_048 }));

/** Of an image. Keys that mean something are texts; what others are only those know who wrote them, as in the original. */
export const metadata = Type.Object(
  {
    ...{ architecture: word, os_distro: word, os_type: word, os_version: word, bus: word, vpci: word, topology: word },
    ...{ use_incremental: word, sha256: word, kernel: word, initrd: word, cmdline: word },
    ...{ hw_video_model: word, hw_watchdog_action: word },
  },
  { additionalProperties: Type.Unknown() },
);

/** Ours: the md5 that an image's file must have. */
export const checksum = Type.String({ pattern: "^[0-9a-fA-F]{32}$" });
