import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below the ports that the kernel gives to connections (ip_local_port_range), which may take any of those at any moment. */
const RANGE = [12_000, 32_000] as const;

/** A TCP port for a program that must be told which, and keeps it over its restarts: free now, and nobody is given it by chance. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  for (;;) {
    const port = randomInt(...RANGE);
    if (await isFree(port, host)) return port;
  }
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once("error", (e: NodeJS.ErrnoException) => (e.code === "EADDRINUSE" ? settle(false) : fail(e)));
    server.listen(port, host, () => server.close(() => settle(true)));
  });
}
