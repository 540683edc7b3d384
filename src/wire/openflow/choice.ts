import { type Field, type Other, ProtocolError, pad, type Rows, type RowValue, u16, variants } from "../kit.ts";

/** OFPSF_REPLY_MORE (1.0), OFPMPF_REPLY_MORE (1.3): bit 0 of the flags. */
export const MORE = 1;

/** The part that tells one kind of statistics from another: a 16-bit type, 16 bits of flags, `gap` bytes of padding, the body. */
export function choice<const R extends Rows>(rows: R, gap = 4): Field<(RowValue<R> | Other) & { readonly flags: number }> {
  const bodies = variants(rows);
  const padding = pad(gap);
  return {
    read(r) {
      const tag = u16.read(r);
      const flags = u16.read(r);
      padding.read(r);
      const value = bodies.read(tag, r);
      if (r.left !== 0) throw new ProtocolError("BAD_LENGTH", `${r.left} bytes after the body`);
      return { ...value, flags };
    },
    write(w, value) {
      w.u16(bodies.tagOf(value));
      w.u16(value.flags);
      padding.write(w, undefined);
      bodies.write(w, value);
    },
  };
}
