import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../lib/fault.ts";

/** A compute host of our own: a libvirtd that nobody else sees, and whose end takes every QEMU with it. */
export interface PrivateLibvirt extends AsyncDisposable {
  /** The folder everything of this host lives in; the same path inside and outside, so sockets and logs may go there. */
  readonly dir: string;
  readonly socketPath: string;
  /** Process id of the first process of the host's PID namespace's parent; killing it is pulling the plug. */
  readonly pid: number;
  /** SIGKILL to libvirtd alone: its QEMUs run on. */
  killLibvirtd(): void;
  /** Starts libvirtd again after `killLibvirtd`; resolves when it listens. */
  startLibvirtd(): Promise<void>;
  /** Whether libvirtd takes connections now. */
  isListening(): Promise<boolean>;
  /** SIGKILL to everything at once, as a power cut would. */
  powerOff(): Promise<void>;
}

export interface PrivateLibvirtOptions {
  /** An existing network namespace (`ip netns`); none means this process's own. */
  readonly netns?: string;
  /** Where to make the folder; its path must be short, as UNIX sockets have room for 107 bytes. */
  readonly under?: string;
  /** Listens for TLS as well. */
  readonly tls?: ListenTls;
}

/** Where to listen for TLS, with which certificate (PEM files), and whose certificates clients must show. */
export interface ListenTls {
  readonly address: string;
  readonly port: number;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** No security driver, cgroup, namespace or log daemon: what the host needs is a libvirtd and a QEMU, and no systemd. */
const QEMU_CONF = `user = "root"
group = "root"
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
dynamic_ownership = 0
remember_owner = 0
`;
const LIBVIRTD_CONF = `auth_unix_rw = "none"
unix_sock_rw_perms = "0700"
log_outputs = "2:file:/var/log/libvirt/libvirtd.log"
`;

/** It is to come up with any certificate, one that has expired as well: a client must see what is wrong. */
const tlsConf = ({ address, port, caFile, certFile, keyFile }: ListenTls): string => `listen_tls = 1
listen_tcp = 0
listen_addr = "${address}"
tls_port = "${port}"
ca_file = "${caFile}"
cert_file = "${certFile}"
key_file = "${keyFile}"
auth_tls = "none"
tls_no_sanity_certificate = 1
`;

/** What is put over what. The first is made in the host's folder, the second is what libvirt was compiled with. */
const MOUNTS = [
  ["run", "/run"],
  ["lib", "/var/lib/libvirt"],
  ["log", "/var/log/libvirt"],
  ["cache", "/var/cache/libvirt"],
  ["etc", "/etc/libvirt"],
] as const;
const FILE_MOUNTS = [
  ["passwd", "/etc/passwd"],
  ["group", "/etc/group"],
] as const;

/**
 * First process of the PID namespace. bash, as it reaps orphaned QEMUs at once even while it reads (dash gives up reading):
 * libvirt polls for their end every 200 ms, and behind a slow reaper for two seconds. It ends with its standard input, so
 * nothing outlives the process that started it, even if that is killed.
 */
const INIT = `mkdir -p ${MOUNTS.map(([, over]) => over).join(" ")}
${[...MOUNTS, ...FILE_MOUNTS].map(([from, over]) => `mount --bind "$1/${from}" ${over} || exit 1`).join("\n")}
while read -r verb; do
  case $verb in
    start) libvirtd $2 & pid=$! ;;
    kill) kill -9 $pid ;;
  esac
done
`;

const READY_MAX_MS = 20_000;
const LOOK_EVERY_MS = 10;
const END_MAX_MS = 5_000;

/**
 * Starts a private libvirtd (about 0.2 s) in mount and PID namespaces of its own, so that a libvirt of this machine's owner
 * is neither seen nor touched. Needs root. Throws MISSING_PART with libvirtd's words where it does not come up.
 */
export async function startPrivateLibvirt(options: PrivateLibvirtOptions = {}): Promise<PrivateLibvirt> {
  const dir = await mkdtemp(join(options.under ?? tmpdir(), "lv-"));
  await fill(dir, options.tls);
  const listen = options.tls === undefined ? "" : "--listen";
  const isolate = [
    ...["setpriv", "--pdeathsig", "KILL"], // With whoever started it, also where that is killed.
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "bash",
    "-c",
    INIT,
    "init",
    dir,
    listen,
  ];
  const [command, ...args] = options.netns === undefined ? isolate : ["ip", "netns", "exec", options.netns, ...isolate];
  const host = new Host(dir, spawn(command!, args));
  try {
    await host.startLibvirtd();
    return host;
  } catch (e) {
    await host[Symbol.asyncDispose]();
    throw e;
  }
}

async function fill(dir: string, tls?: ListenTls): Promise<void> {
  for (const [folder] of MOUNTS) await mkdir(join(dir, folder));
  await mkdir(join(dir, "run/lock")); // Behind /var/lock, where libvirt notes who has a console open.
  await writeFile(join(dir, "etc/qemu.conf"), QEMU_CONF);
  await writeFile(join(dir, "etc/libvirtd.conf"), LIBVIRTD_CONF + (tls ? tlsConf(tls) : ""));
  // libvirtd does not start where the account it was compiled for is missing, whatever qemu.conf says.
  await writeFile(
    join(dir, "passwd"),
    await withAccount("/etc/passwd", "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin"),
  );
  await writeFile(join(dir, "group"), await withAccount("/etc/group", "libvirt-qemu:x:64055:"));
}

async function withAccount(file: string, line: string): Promise<string> {
  const lines = await readFile(file, "utf8");
  return lines.includes("libvirt-qemu:") ? lines : `${lines.trimEnd()}\n${line}\n`;
}

class Host implements PrivateLibvirt {
  readonly dir: string;
  readonly socketPath: string;
  readonly pid: number;
  readonly #init: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  #said = "";

  constructor(dir: string, init: ChildProcessWithoutNullStreams) {
    this.dir = dir;
    this.socketPath = join(dir, "run/libvirt/libvirt-sock");
    this.pid = init.pid ?? 0;
    this.#init = init;
    this.#exited = once(init, "exit").catch((e: unknown) => this.#hear(e));
    init.stdin.on("error", () => {}); // A host that is off does not listen; its exit says so.
    for (const stream of [init.stdout, init.stderr]) stream.on("data", (text: unknown) => this.#hear(text));
  }

  #hear(words: unknown): void {
    this.#said += String(words);
  }

  get #isOff(): boolean {
    return this.#init.exitCode !== null || this.#init.signalCode !== null || this.pid === 0;
  }

  killLibvirtd(): void {
    this.#init.stdin.write("kill\n");
  }

  async startLibvirtd(): Promise<void> {
    await rm(this.socketPath, { force: true }); // Of a killed one: it would look ready.
    this.#init.stdin.write("start\n");
    for (let waitedMs = 0; waitedMs < READY_MAX_MS && !this.#isOff; waitedMs += LOOK_EVERY_MS) {
      if (await this.isListening()) return; // Its socket alone may be there before anybody is.
      await delay(LOOK_EVERY_MS);
    }
    const log = await readFile(join(this.dir, "log/libvirtd.log"), "utf8").catch(() => "");
    throw new Fault("MISSING_PART", `libvirtd does not start: ${(this.#said + log).trim().slice(-2_000)}`);
  }

  isListening(): Promise<boolean> {
    return new Promise((settle) => {
      const socket = createConnection(this.socketPath);
      const answer = (listens: boolean) => {
        socket.destroy();
        settle(listens);
      };
      socket.once("connect", () => answer(true)).once("error", () => answer(false));
    });
  }

  async powerOff(): Promise<void> {
    if (this.#isOff) return;
    this.#init.kill("SIGKILL"); // `--kill-child` takes the first process along, and the kernel every other.
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#init.stdin.end();
    const done = new AbortController();
    const late = delay(END_MAX_MS, undefined, { signal: done.signal }).catch(() => {});
    if (!this.#isOff) await Promise.race([this.#exited, late]);
    done.abort();
    await this.powerOff();
    await rm(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }
}
