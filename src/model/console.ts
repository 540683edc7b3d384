/** A guest's serial line as bytes both ways, or its screen as VNC (RFB, RFC 6143). */
export type ConsoleKind = "serial" | "vnc";

/** The right to open one console, once, within `ticketMs`; what is opened ends after `sessionMs`. */
export interface ConsoleTicket {
  readonly ticket: string;
  readonly kind: ConsoleKind;
  readonly ticketMs: number;
  readonly sessionMs: number;
}

/** Who looks at a console. What is heard must be taken at once. */
export interface ConsoleSide {
  heard(bytes: Uint8Array): void;
  /** Once, unless it was closed by who looks. */
  ended(why: string): void;
}

export interface OpenConsole {
  /** To the guest. */
  write(bytes: Uint8Array): void;
  close(): void;
}
