import { randomInt } from "node:crypto";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectLibvirt, type LibvirtSession } from "../hosts/libvirt.ts";
import { findQemu } from "../hosts/qemu-process.ts";
import { systemClock } from "../lib/clock.ts";
import { silent } from "../lib/log.ts";
import type { Scheme } from "../model/protection.ts";
import { burden } from "./burden.ts";
import { enterNetns } from "./enter-netns.ts";
import { ECHO_PORT, GUEST_CMDLINE, type GuestImage } from "./image.ts";
import { Lab } from "./leftovers.ts";
import { addAddress, deviceName, joinBridge, labName, makeBridge, makeNetns, makeVeth, routeMulticast } from "./netns.ts";
import { HEAP_MIB_MAX, NODE_ENV, NODE_FLAGS } from "./node-flags.ts";
import { daemonPriority } from "./priority.ts";
import { type PrivateLibvirt, startPrivateLibvirt } from "./private-libvirt.ts";
import { addBridge, type PrivateOvs, startPrivateOvs } from "./private-ovs.ts";
import { Program } from "./program.ts";
import { provisionVim } from "./provision.ts";
import { rest } from "./rest.ts";
import { Supervised } from "./supervised.ts";
import { type Tuning, tuned } from "./tuned.ts";
import { startViewer, type Viewer } from "./viewer-client.ts";

/** Addresses of the lab, which only its own namespaces see. */
const MEDIA_GROUP = "239.5.0.4";
const MEDIA_SOURCE = "10.61.0.1/24";
const MEDIA_PORT = 5004;
/** relay-a's address on the media side (examples/media-relay.yaml). */
const VICTIM_MEDIA_IP = "10.61.0.11";
const SERVICE_IP = "10.0.0.100";
/** Each viewer asks the service for an echo this often: its way there is measured too. */
const ECHO_EVERY_MS = 20;
const API = "http://127.0.0.1";
const PORTS = { openflow: 6653, vim: 9080, vimAdmin: 9085, mano: 9090 } as const;
const BRIDGE = "br0";

export const VIEWERS = [
  { name: "A", ip: "10.0.0.11", mac: "02:00:00:00:00:0a", net: "traffic_net0", member: "relay-a" },
  { name: "B", ip: "10.0.0.12", mac: "02:00:00:00:00:0b", net: "traffic_net1", member: "relay-b" },
] as const;
/** Members by the UDP source port of what they relay (examples/media-relay.yaml). */
const MEMBERS: Readonly<Record<string, string>> = { 6001: "relay-a", 6002: "relay-b", 6003: "relay-c" };

/** Schemes in the words of the command line; each has its descriptor in examples/. */
export const SCHEMES = {
  "active-active": "ACTIVE_ACTIVE",
  "active-passive": "ACTIVE_PASSIVE",
  duplicated: "DUPLICATED",
  "warm-spare": "ACTIVE_PASSIVE",
} as const satisfies Record<string, Scheme>;
export type SchemeName = keyof typeof SCHEMES;

export interface LabOptions {
  readonly root: string;
  /** Where stores, logs and recordings of this run go. */
  readonly runFolder: string;
  readonly image: GuestImage;
  readonly scheme: SchemeName;
  readonly openflow: "1.0" | "1.3";
  readonly mode: "push" | "poll";
  readonly pollIntervalMs: number;
  readonly pps: number;
  readonly video: boolean;
  /** The network service's descriptor, in any form; left out: the example of the scheme. */
  readonly descriptor?: string;
  /** Where the descriptor differs from the example. */
  readonly tuning?: Tuning;
  /** Busy processes beside it all, from when the network service stands; none where it is left out. */
  readonly load?: number;
  /** Compute hosts, each a libvirtd of its own; 1 unless told. */
  readonly hosts?: number;
  readonly progress: (line: string) => void;
  /** Rejects when the user wants no more: what was built by then is taken down. Without it building goes on to its end. */
  readonly stopped?: Promise<never>;
}

/** The running experiment of the dissertation's figures 10 to 12. */
export interface RunningLab extends AsyncDisposable {
  readonly id: string;
  readonly netns: string;
  readonly vimUrl: string;
  readonly manoUrl: string;
  readonly nsId: string;
  /** How relay-a's guest is reached past everything (`guest/control.pl`). */
  readonly control: { readonly netns: string; readonly ip: string };
  readonly ovs: PrivateOvs;
  /** Path of the bridge's management socket (OpenFlow). */
  readonly managementSocket: string;
  /** TCP port at which the switch reaches the VIM. */
  readonly openflowPort: number;
  /** The compute hosts; `libvirt` is the first. */
  readonly hosts: readonly PrivateLibvirt[];
  readonly libvirt: PrivateLibvirt;
  /** A session of the lab's own with the libvirtd that has this server, for doing harm. */
  harm(serverId: string): Promise<LibvirtSession>;
  readonly viewers: Readonly<Record<"A" | "B", Viewer>>;
  readonly media: Program;
  readonly daemons: { readonly vim: Supervised; readonly mano: Supervised };
  /** Starts the MANO again, watching the VIM by push or by polling. */
  setMode(mode: "push" | "poll"): Promise<void>;
}

/** Builds it all, in about 15 s; whatever was made before a failure is taken down again. */
export async function startLab(options: LabOptions): Promise<RunningLab> {
  const { root, runFolder, progress, stopped = new Promise<never>(() => {}) } = options;
  await mkdir(runFolder, { recursive: true });
  await using undo = new AsyncDisposableStack();
  const lab = undo.use(new Lab(newLabId(), join(root, "var", "lab")));
  // Sockets need short paths, so they do not go into the run's folder.
  const dir = await mkdtemp(join(tmpdir(), "sempre-"));
  lab.note("folders", dir);

  // What makes things runs to its end, so that they are known to whoever takes them down; what only waits is left alone.
  const unlessStopped = <T>(waiting: Promise<T>) => Promise.race([stopped, waiting]);

  progress("networks: data centre, media server and two viewers in namespaces of their own");
  const places = await makePlaces(lab);
  await unlessStopped(Promise.resolve());
  progress("switch: Open vSwitch, userspace datapath; hypervisor: a private libvirtd");
  const ovs = lab.ends.use(await startPrivateOvs(join(dir, "ovs"), (pid) => lab.noteProcess(pid)));
  const protocol = options.openflow === "1.3" ? "OpenFlow13" : "OpenFlow10";
  await addBridge(ovs, BRIDGE, protocol, places.outside, `tcp:127.0.0.1:${PORTS.openflow}`);
  const hosts = await startHosts(lab, dir, options.hosts ?? 1);

  await unlessStopped(Promise.resolve());
  progress("daemons: VIM and MANO");
  const daemons = await startDaemons(lab, options, ovs, hosts);
  const image = { ...options.image, cmdline: GUEST_CMDLINE };
  await unlessStopped(provisionVim(`${API}:${PORTS.vimAdmin}/openvim`, image, places.mediaBridge, places.outsidePorts));
  const from = options.descriptor === undefined ? `examples/${exampleOf(options.scheme)}` : "a descriptor of its own";
  progress(`network service: its VNFCs are instantiated from ${from}`);
  const manoUrl = `${API}:${PORTS.mano}`;
  const descriptor = options.descriptor ?? (await readFile(join(root, "examples", exampleOf(options.scheme)), "utf8"));
  const nsId = await unlessStopped(instantiate(manoUrl, tuned(descriptor, options.tuning ?? {})));
  progress("media: one video to both VNFCs; each viewer receives it through its own");
  const media = await startMedia(lab, places.mediaNetns, options.pps);
  const viewers = await startViewers(lab, places.viewerNetns, options);
  if (options.load) lab.ends.use(burden(options.load, (pid) => lab.noteProcess(pid)));

  const all = undo.move();
  return {
    id: lab.id,
    netns: places.netns,
    vimUrl: `${API}:${PORTS.vim}/openvim`,
    manoUrl,
    nsId,
    control: { netns: places.mediaNetns, ip: VICTIM_MEDIA_IP },
    ovs,
    openflowPort: PORTS.openflow,
    managementSocket: ovs.management(BRIDGE).replace(/^unix:/, ""),
    hosts,
    libvirt: hosts[0]!,
    harm: async (serverId) => {
      const monitor = (await findQemu(serverId))?.qmpSocket;
      const host = hosts.find((h) => monitor?.startsWith(h.dir)) ?? hosts[0]!;
      return connectLibvirt({ socketPath: host.socketPath, clock: systemClock, log: silent });
    },
    viewers,
    media,
    daemons: daemons.running,
    setMode: daemons.setMode,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const exampleOf = (scheme: SchemeName) => (scheme === "active-active" ? "media-relay.yaml" : `media-relay-${scheme}.yaml`);

/** Five characters, so that every device name with the lab's prefix fits into the kernel's fifteen. */
const newLabId = () =>
  randomInt(36 ** 4)
    .toString(36)
    .padStart(4, "0");

/** Namespaces and cables. This process moves into the data centre: its loopback is where the daemons listen. */
async function makePlaces(lab: Lab) {
  const netnsOf = async (suffix: string) => {
    const name = labName(lab.id, suffix);
    lab.note("netns", name);
    await makeNetns(name);
    return name;
  };
  const netns = await netnsOf("dc");
  const mediaNetns = await netnsOf("media");
  const viewerNetns = { A: await netnsOf("va"), B: await netnsOf("vb") };
  enterNetns(netns);

  const mediaBridge = deviceName(lab.id, "m");
  await makeBridge({ name: mediaBridge });
  const mediaPort = deviceName(lab.id, "s");
  await makeVeth({ name: mediaPort }, { name: "eth0", netns: mediaNetns });
  await joinBridge({ name: mediaPort }, mediaBridge);
  await addAddress({ name: "eth0", netns: mediaNetns }, MEDIA_SOURCE);
  await routeMulticast({ name: "eth0", netns: mediaNetns }, MEDIA_GROUP);

  const outsidePorts = VIEWERS.map((v, i) => ({ name: `viewer ${v.name}`, net: v.net, mac: v.mac, switchPort: `p${3 + i}` }));
  for (const [i, viewer] of VIEWERS.entries()) {
    const eth0 = { name: "eth0", netns: viewerNetns[viewer.name], mac: viewer.mac };
    await makeVeth({ name: `p${3 + i}` }, eth0);
    await addAddress(eth0, `${viewer.ip}/24`);
  }
  return { netns, mediaNetns, viewerNetns, mediaBridge, outsidePorts, outside: outsidePorts.map((p) => p.switchPort) };
}

async function startHosts(lab: Lab, under: string, count: number): Promise<PrivateLibvirt[]> {
  const hosts: PrivateLibvirt[] = [];
  while (hosts.length < count) {
    const host = lab.ends.use(await startPrivateLibvirt({ under }));
    lab.noteProcess(host.pid);
    lab.ends.use(keepLibvirtd(host));
    hosts.push(host);
  }
  return hosts;
}

/** How often a libvirtd that was killed is looked for, ms. */
const LOOK_FOR_LIBVIRTD_MS = 250;

/** Starts libvirtd again when somebody kills it, as its unit file would. */
function keepLibvirtd(libvirt: PrivateLibvirt): Disposable {
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    void libvirt
      .isListening()
      .then((listens) => (listens ? undefined : libvirt.startLibvirtd()))
      .catch(() => {}) // The next look is the next try.
      .finally(() => {
        busy = false;
      });
  }, LOOK_FOR_LIBVIRTD_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function startDaemons(lab: Lab, options: LabOptions, ovs: PrivateOvs, hosts: readonly PrivateLibvirt[]) {
  const { root, runFolder } = options;
  const vimConfig = {
    vim: {
      listen: { port: PORTS.vim, adminPort: PORTS.vimAdmin },
      openflow: { port: PORTS.openflow },
      store: join(runFolder, "vim.db"),
      libvirtSocket: hosts[0]!.socketPath,
      ...(hosts.length > 1 && { hosts: hosts.map((h, i) => ({ name: `host${i}`, libvirtSocket: h.socketPath, runDir: h.dir })) }),
      ovsdb: ovs.database,
      bridge: BRIDGE,
      runDir: hosts[0]!.dir,
      realTimePriority: daemonPriority(),
    },
  };
  const manoConfig = (mode: "push" | "poll") => ({
    mano: {
      listen: { port: PORTS.mano },
      store: join(runFolder, "mano.db"),
      mode,
      pollIntervalMs: options.pollIntervalMs,
      realTimePriority: daemonPriority(),
      vims: [
        { name: "vim0", url: `${API}:${PORTS.vim}/openvim`, adminUrl: `${API}:${PORTS.vimAdmin}/openvim`, tenant: "default" },
      ],
    },
  });
  const start = async (name: "vim" | "mano", config: object, port: number) => {
    const file = join(runFolder, `${name}.json`);
    await writeFile(file, JSON.stringify(config, null, 2));
    return Supervised.start({
      name,
      command: process.execPath,
      args: [
        "--disable-warning=ExperimentalWarning",
        ...NODE_FLAGS,
        HEAP_MIB_MAX,
        join(root, "src", "sempre.ts"),
        name,
        "--config",
        file,
      ],
      env: NODE_ENV,
      logFile: join(runFolder, `${name}.log`),
      isReady: async () => (await fetch(`${API}:${port}${name === "vim" ? "/openvim/" : "/mano/v1/vims"}`)).ok,
      onStart: (pid) => lab.noteProcess(pid),
    });
  };
  const running = {
    vim: lab.ends.use(await start("vim", vimConfig, PORTS.vim)),
    mano: await start("mano", manoConfig(options.mode), PORTS.mano),
  };
  lab.ends.defer(async () => running.mano[Symbol.asyncDispose]());
  const setMode = async (mode: "push" | "poll") => {
    await running.mano[Symbol.asyncDispose]();
    running.mano = await start("mano", manoConfig(mode), PORTS.mano);
  };
  return { running, setMode };
}

interface NsState {
  readonly state: string;
  readonly detail: string | null;
}
/** Two guests boot side by side without KVM, ms. */
const INSTANTIATE_MS_MAX = 60_000;
const LOOK_EVERY_MS = 50;

async function instantiate(manoUrl: string, descriptor: string): Promise<string> {
  const descriptors = await rest<{ id: string; kind: string }[]>(
    "POST",
    `${manoUrl}/mano/v1/descriptors`,
    descriptor,
    "application/yaml",
  );
  const nsd = descriptors.find((d) => d.kind === "nsd");
  const ns = await rest<{ id: string }>("POST", `${manoUrl}/mano/v1/ns_instances`, { nsdId: nsd?.id, nsName: "media" });
  await rest("POST", `${manoUrl}/mano/v1/ns_instances/${ns.id}/instantiate`);
  const giveUpAt = systemClock.now() + INSTANTIATE_MS_MAX;
  for (;;) {
    const { state, detail } = await rest<NsState>("GET", `${manoUrl}/mano/v1/ns_instances/${ns.id}`);
    if (state === "INSTANTIATED") return ns.id;
    if (state === "FAILED" || systemClock.now() > giveUpAt)
      throw new Error(`the network service is ${state}: ${detail ?? "no reason given"}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

async function startMedia(lab: Lab, netns: string, pps: number): Promise<Program> {
  const address = MEDIA_SOURCE.split("/")[0] as string;
  const program = lab.ends.use(
    await Program.start(netns, "media-source.ts", ["--group", MEDIA_GROUP, "--address", address, "--pps", String(pps)]),
  );
  if (program.pid !== undefined) lab.noteProcess(program.pid);
  return program;
}

async function startViewers(lab: Lab, netns: Readonly<Record<"A" | "B", string>>, { video, runFolder }: LabOptions) {
  const start = async (name: "A" | "B") => {
    const viewer = await startViewer({
      name: `viewer ${name}`,
      netns: netns[name],
      port: MEDIA_PORT,
      members: MEMBERS,
      echo: { ip: SERVICE_IP, port: ECHO_PORT, everyMs: ECHO_EVERY_MS },
      video: video ? join(runFolder, `viewer-${name.toLowerCase()}.ts`) : null,
    });
    if (viewer.pid !== undefined) lab.noteProcess(viewer.pid);
    return lab.ends.use(viewer);
  };
  return { A: await start("A"), B: await start("B") };
}
