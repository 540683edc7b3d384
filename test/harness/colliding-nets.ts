import { GroupIds } from "../../src/steer/group-ids.ts";

/** Two nets whose groups have the same first choice of a number: found by search. */
export function collidingPair(): [string, string] {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const owner = `net-${i}`;
    const id = new GroupIds().of({ way: "forward", owner });
    const had = seen.get(id);
    if (had !== undefined) return [had, owner];
    seen.set(id, owner);
  }
}
