/** The reply header in which a VIM tells what it calls itself, whichever of its addresses it was asked at. */
export const VIM_ID_HEADER = "sempre-vim";

/** Null where it is none. */
export const vimIdOf = (text: string | readonly string[] | undefined): string | null =>
  typeof text === "string" && /^[0-9a-f]{32}$/.test(text) ? text : null;
