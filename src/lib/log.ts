import { type Logger, pino } from "pino";

export type Log = Logger;

/** Keys that may hold a secret, wherever they stand in a logged object. */
const SECRET_KEYS = ["password", "passwd", "user_password", "authorization", "token", "secret"];

/** One JSON line per message on standard error; message texts are constant, facts are fields. */
export function makeLog(name: string, level = process.env["SEMPRE_LOG"] ?? "info"): Log {
  return pino(
    { name, level, redact: { paths: SECRET_KEYS.flatMap((k) => [k, `*.${k}`, `*.*.${k}`]), censor: "*****" } },
    pino.destination({ fd: 2, sync: false }),
  );
}

/** For tests and for parts that were given no log. */
export const silent: Log = pino({ level: "silent" });
