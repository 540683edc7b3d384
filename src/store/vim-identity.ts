import type { VimStore } from "./vim-picture.ts";

/** What the VIM of this store calls itself: 32 hexadecimal digits, made with the store. */
export async function readVimIdentity(db: VimStore): Promise<string> {
  return (await db.selectFrom("identity").select("id").executeTakeFirstOrThrow()).id;
}
