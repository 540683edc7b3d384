import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { type PrivateLibvirt, startPrivateLibvirt } from "../../src/lab/private-libvirt.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import { freePort } from "../harness/free-port.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";

/** A real switch and real hypervisors in one network namespace, and the settings of a VIM for them. */
export interface Rig extends AsyncDisposable {
  readonly ovs: Ovs;
  /** host0, host1, … in this order; with one, the settings name none. */
  readonly hosts: readonly PrivateLibvirt[];
  readonly dir: string;
  readonly imagePath: string;
  /** With the OpenFlow port given, so that a VIM that starts again is found by the switch; `more`: other settings of it. */
  config(openflowPort: number, more?: object): VimConfig;
}

export async function startRig({ hosts: count = 1 } = {}): Promise<Rig> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sv-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  const ovs = undo.use(await startOvs({ datapathType: "netdev", ports: ["va", "vb", "swa", "swb"], protocols: ["OpenFlow13"] }));
  const hosts: PrivateLibvirt[] = [];
  while (hosts.length < count) hosts.push(undo.use(await startPrivateLibvirt({ netns: ovs.netns! })));
  const named = hosts.map((h, i) => ({ name: `host${i}`, libvirtSocket: h.socketPath, runDir: h.dir }));
  const imagePath = join(dir, "empty.img");
  writeFileSync(imagePath, Buffer.alloc(1024 * 1024));
  const ends = undo.move();
  return {
    ovs,
    hosts,
    dir,
    imagePath,
    config: (openflowPort, more = {}) =>
      parseConfig({
        vim: {
          listen: { port: 0, adminPort: 0 },
          openflow: { host: "0.0.0.0", port: openflowPort },
          store: join(dir, "vim.db"),
          libvirtSocket: hosts[0]!.socketPath,
          ...(count > 1 && { hosts: named, heartbeat: { everyMs: 1_000, asks: 2 } }),
          ovsdb: ovs.management.replace("br0.mgmt", "db.sock"),
          bridge: "br0",
          runDir: hosts[0]!.dir,
          netns: ovs.netns,
          accel: "tcg",
          ...more,
        },
      }).vim!,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  readonly body: any;
}

export type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** A client of one port with a warm connection. */
export function client(port: number): Ask {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  return async (method, path, body) => {
    const req = request({
      port,
      host: "127.0.0.1",
      method,
      path: `/openvim${path}`,
      agent,
      headers: { "content-type": "application/json" },
    });
    req.end(body === undefined ? undefined : JSON.stringify(body));
    const [reply] = (await once(req, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of reply.setEncoding("utf8")) text += chunk;
    return { status: reply.statusCode!, body: JSON.parse(text) };
  };
}

export interface Subscriber {
  readonly events: (VimEvent & { readonly heardAt: number })[];
  /** All that has happened by now is in `events`: an answer of the API may overtake the stream. */
  caughtUp(): Promise<void>;
  close(): void;
}

/** Listens to the event stream as the MANO does. Resolves when it is open. */
export async function subscribe(port: number, since?: number): Promise<Subscriber> {
  const ask = client(port);
  let lastSeq = since ?? (await newestSeq(ask, 0));
  const path = `/openvim/events?since=${lastSeq}`;
  const req = request({ port, host: "127.0.0.1", path, headers: { accept: "text/event-stream" } });
  req.end();
  const [reply] = (await once(req, "response")) as [IncomingMessage];
  const events: Subscriber["events"] = [];
  const lines = createInterface({ input: reply.setEncoding("utf8") });
  lines.on("error", () => {}); // As below: readline tells it again.
  lines.on("line", (line) => {
    if (!line.startsWith("data: ")) return;
    const event = JSON.parse(line.slice(6)) as VimEvent;
    lastSeq = event.seq;
    events.push({ ...event, heardAt: nowMs() });
  });
  reply.on("error", () => {}); // The VIM was killed: what was heard is what counts.
  req.on("error", () => {});
  const caughtUp = async () => {
    const newest = await newestSeq(ask, lastSeq);
    await until(`event ${newest} is heard`, () => lastSeq >= newest);
  };
  return { events, caughtUp, close: () => req.destroy() };
}

/** Of what a VIM has told by now, looked for from a number that was told already. */
async function newestSeq(ask: Ask, from: number): Promise<number> {
  const { events } = (await ask("GET", `/events?since=${from}`)).body;
  return events.length === 0 ? from : newestSeq(ask, events.at(-1).seq);
}

export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Looks until `read` answers something, at most `maxMs` long. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined | false> | T | undefined | false,
  maxMs = 60_000,
): Promise<T> {
  const giveUpAt = nowMs() + maxMs;
  for (;;) {
    const found = await read();
    if (found !== undefined && found !== false) return found;
    if (nowMs() > giveUpAt) throw new Error(`not in ${maxMs} ms: ${what}`);
    await sleep(10);
  }
}

const DAEMON = `
  import { flushCompileCache } from "node:module";
  const [{ startVim }, { systemClock }, { makeLog }] = await Promise.all(["vim.ts", "lib/clock.ts", "lib/log.ts"].map((f) => import(process.argv[1] + f)));
  const vim = await startVim(JSON.parse(process.argv[2]), { clock: systemClock, log: makeLog("vim") });
  console.log(JSON.stringify({ port: vim.port, adminPort: vim.adminPort, openflowPort: vim.openflowPort }));
  flushCompileCache(); // As src/daemon.ts.
  process.once("SIGTERM", async () => { await vim[Symbol.asyncDispose](); process.exit(0); });`;

export interface Daemon {
  readonly port: number;
  readonly adminPort: number;
  readonly openflowPort: number;
  readonly process: ChildProcess;
  /** Ends it and waits. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** The VIM as a process of its own, so that it can be killed. Its OpenFlow port, where none is given, is one that it gets again after that. */
export async function startDaemon(config: VimConfig): Promise<Daemon> {
  const src = new URL("../../src/", import.meta.url).href;
  const port = config.openflow.port || (await freePort(config.openflow.host));
  const settings = { ...config, openflow: { ...config.openflow, port } };
  const program = [process.execPath, "--input-type=module", "-e", DAEMON, src, JSON.stringify(settings)];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...program], {
    stdio: ["ignore", "pipe", process.env.SEMPRE_LOG ? "inherit" : "ignore"],
  });
  const gone = once(child, "exit");
  const ready = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), gone])) as [string | number];
  if (typeof ready[0] !== "string") throw new Error("the VIM ended at its start: run the test with SEMPRE_LOG=info");
  return {
    ...(JSON.parse(ready[0]) as { port: number; adminPort: number; openflowPort: number }),
    process: child,
    async kill(signal) {
      child.kill(signal);
      await gone;
    },
  };
}
