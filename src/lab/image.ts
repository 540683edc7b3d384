import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import { type CpioEntry, cpioNewc } from "./cpio.ts";
import { run } from "./run.ts";

/** The lab's guest: what a domain's `<kernel>`, `<initrd>` and `<cmdline>` need. Both files stay in the cache. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
  /** Kernel release, for the record of an experiment. */
  readonly release: string;
  /** False when the cache already held the same image. */
  readonly built: boolean;
}

/** What one VNFC of the lab is told on its kernel command line (src/lab/guest/init.sh reads it). */
export interface GuestSettings {
  /** Address of the media vNIC with prefix length, as "10.61.0.11/24". */
  readonly mediaIp: string;
  /** Address the twins share, with prefix length; the stream goes to the broadcast address of this subnet. */
  readonly serviceIp: string;
  /** MAC address the twins share. */
  readonly serviceMac: string;
  /** Multicast group of the media source and UDP port of the stream, on both sides of the relay. */
  readonly mediaGroup: string;
  readonly mediaPort: number;
  /** UDP source port of what this member relays; differs between the twins. */
  readonly markerPort: number;
}

export const GUEST_CACHE = ".cache/guest";
/** Memory a guest of the lab needs, MiB: below 80 the kernel and the unpacked initramfs do not fit. */
export const GUEST_MEMORY_MIB = 96;
/** UDP port on which a guest sends back what it receives (RFC 862). */
export const ECHO_PORT = 7;
/** UDP port, on the media side, on which a guest takes the words of `guest/control.pl`. */
export const CONTROL_PORT = 9;

const KERNEL_PACKAGE = "linux-image-cloud-amd64";
/**
 * In the order in which they must be loaded; `button` and `evdev` are what makes `virsh shutdown` work, `pvpanic` tells the hypervisor of a
 * panic, `virtio_console` has the channel of the guest agent.
 */
// biome-ignore format: one list, read as one line
const MODULES = [
  "failover", "net_failover", "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
  "virtio_net", "button", "evdev", "pvpanic", "pvpanic-mmio", "virtio_console",
];
/** Ends the name of a cached kernel: one that was kept with other modules is another. */
const keptAs = (modules: readonly string[]) => `+${createHash("sha256").update(modules.join()).digest("hex").slice(0, 8)}`;
const GUEST = join(import.meta.dirname, "guest");
/** 27 MB over a slow line. */
const DOWNLOAD_MS_MAX = 300_000;

/**
 * What every guest's kernel is told. The first words make a TCG boot short: no console chatter, no mitigations for a CPU that is
 * emulated, no clock calibration, no interrupt routing through ACPI's interpreter, programs always at the same addresses (what the emulator
 * has translated is good for the next start of the same program). A steady tick is cheaper than
 * a timer programmed at every packet, which is a trap to the emulator each time; a panic ends QEMU where it runs with
 * `-no-reboot` (`<on_crash>`, `<on_reboot>` destroy).
 */
export const GUEST_CMDLINE = [
  "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr acpi=noirq noreplace-smp lpj=4000000 tsc=reliable no_timer_check nohz=off norandmaps",
  "random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 audit=0 selinux=0 apparmor=0 ipv6.disable=1 8250.nr_uarts=1",
].join(" ");

/** The whole kernel command line of a guest with these settings. */
export function guestCmdline(settings: GuestSettings): string {
  const words: Record<string, string | number> = {
    media_ip: settings.mediaIp,
    service_ip: settings.serviceIp,
    service_mac: settings.serviceMac,
    media_group: settings.mediaGroup,
    media_port: settings.mediaPort,
    marker_port: settings.markerPort,
  };
  return [GUEST_CMDLINE, ...Object.entries(words).map(([name, value]) => `sempre.${name}=${value}`)].join(" ");
}

/**
 * The guest image, built where the cache does not hold it: Debian's cloud kernel (downloaded, unpacked, never installed) and an
 * initramfs of this machine's static busybox, its perl (which every Debian has), and our init and relay. A kernel once cached is kept: remove its folder for a newer
 * one. Throws Fault MISSING_PART when there is neither cache nor network, or no busybox, and says what to do.
 */
export async function ensureGuestImage(cacheDir = GUEST_CACHE, progress: (line: string) => void = () => {}): Promise<GuestImage> {
  const { folder, release } = await ensureGuestKernel(cacheDir, MODULES, progress);
  const archive = cpioNewc(await initramfsEntries(folder));
  const hash = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  // Not compressed: inflating 12 MB costs an emulated CPU 0.4 s at every boot.
  const initrd = join(cacheDir, `initrd-${release}-${hash}.cpio`);
  const built = !existsSync(initrd);
  if (built) {
    await writeWhole(initrd, archive);
    progress(`guest image built: kernel ${release}, initramfs ${Math.round(archive.length / 1024)} KiB`);
  }
  return { kernel: join(folder, "vmlinuz"), initrd, release, built };
}

/** A file is there whole or not at all, whoever builds at the same moment. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, bytes);
  await rename(draft, path);
}

/** A kernel and modules of it, in a folder of their own: `vmlinuz` and `NAME.ko`. */
export interface GuestKernel {
  readonly folder: string;
  readonly release: string;
}

/** The kernel that `cacheDir` holds, or else Debian's, with these of its modules as far as they are no part of it. Throws as `ensureGuestImage`. */
export async function ensureGuestKernel(
  cacheDir: string,
  modules: readonly string[],
  progress: (line: string) => void = () => {},
): Promise<GuestKernel> {
  await mkdir(cacheDir, { recursive: true });
  const kept = keptAs(modules);
  const cached = (await readdir(cacheDir)).find((name) => name.startsWith("kernel-") && name.endsWith(kept));
  if (cached) return { folder: join(cacheDir, cached), release: cached.slice("kernel-".length, -kept.length) };
  const draft = await mkdtemp(join(cacheDir, "unpack-"));
  try {
    await downloadKernel(draft, progress);
    return await keepKernel(draft, cacheDir, modules);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function downloadKernel(draft: string, progress: (line: string) => void): Promise<void> {
  try {
    const depends = await run("apt-cache", ["depends", KERNEL_PACKAGE]);
    const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1] ?? KERNEL_PACKAGE;
    progress(`downloading ${name} (about 27 MB) for the guest`);
    await run("apt-get", ["download", "-o", "APT::Sandbox::User=root", name], { cwd: draft, timeoutMs: DOWNLOAD_MS_MAX });
  } catch (cause) {
    const advice = `no guest kernel is cached and ${KERNEL_PACKAGE} cannot be downloaded: connect to a Debian mirror and run "apt-get update" once`;
    throw new Fault("MISSING_PART", advice, { package: KERNEL_PACKAGE }, { cause });
  }
  const packages = (await readdir(draft)).filter((file) => file.endsWith(".deb"));
  for (const file of packages)
    await run("dpkg-deb", ["-x", join(draft, file), join(draft, "root")], { timeoutMs: DOWNLOAD_MS_MAX });
}

/** Keeps the kernel and the few modules of an unpacked package, out of some 100 MB. */
async function keepKernel(draft: string, cacheDir: string, modules: readonly string[]): Promise<GuestKernel> {
  const root = join(draft, "root");
  const release = (await readdir(join(root, "lib/modules")))[0];
  if (!release) throw new Fault("MISSING_PART", "the downloaded kernel package holds no modules", { package: KERNEL_PACKAGE });
  const all = await readdir(join(root, "lib/modules", release), { recursive: true });
  const kept = join(draft, "kept");
  await mkdir(kept);
  await cp(join(root, "boot", `vmlinuz-${release}`), join(kept, "vmlinuz"));
  for (const path of all.filter((p) => modules.some((m) => p.endsWith(`/${m}.ko`)))) {
    await cp(join(root, "lib/modules", release, path), join(kept, path.slice(path.lastIndexOf("/") + 1)));
  }
  const folder = join(cacheDir, `kernel-${release}${keptAs(modules)}`);
  await rename(kept, folder).catch((e: Error) => {
    if (!existsSync(folder)) throw e; // Another run of ours was faster; its kernel is as good.
  });
  return { folder, release };
}

async function initramfsEntries(kernelFolder: string): Promise<CpioEntry[]> {
  const modules = MODULES.filter((m) => existsSync(join(kernelFolder, `${m}.ko`)));
  const perl = await programAt(["/usr/bin/perl"], "perl-base");
  const busybox = await programAt(["/bin/busybox", "/usr/bin/busybox"], "busybox-static");
  if ((await librariesOf(busybox)).length > 0) throw missing("busybox-static");
  return [
    { kind: "device", path: "dev/console", major: 5, minor: 1 },
    await fileEntry("init", join(GUEST, "init.sh")),
    await fileEntry("relay.pl", join(GUEST, "relay.pl")),
    await fileEntry("echo.pl", join(GUEST, "echo.pl")),
    await fileEntry("control.pl", join(GUEST, "control.pl")),
    await fileEntry("agent.pl", join(GUEST, "agent.pl")),
    await fileEntry("bin/busybox", busybox),
    await fileEntry("usr/bin/perl", perl),
    ...(await Promise.all((await librariesOf(perl)).map((path) => fileEntry(path.slice(1), path)))),
    ...(await Promise.all(modules.map((m) => fileEntry(`modules/${m}.ko`, join(kernelFolder, `${m}.ko`))))),
    { kind: "file", path: "modules/order", mode: 0o644, bytes: Buffer.from(modules.map((m) => `${m}.ko\n`).join("")) },
  ];
}

const fileEntry = async (path: string, from: string): Promise<CpioEntry> => ({
  kind: "file",
  path,
  mode: 0o755,
  bytes: await readFile(from),
});

async function programAt(places: readonly string[], packageName: string): Promise<string> {
  const found = places.find((path) => existsSync(path));
  if (!found) throw missing(packageName);
  return found;
}

const missing = (packageName: string): Fault =>
  new Fault("MISSING_PART", `the guest image needs the package ${packageName}: apt-get install ${packageName}`, {
    package: packageName,
  });

/** Shared libraries of a program by absolute path, the loader included; none for a static one, which ldd refuses. */
async function librariesOf(program: string): Promise<string[]> {
  const listing = await run("ldd", [program]).catch((e: unknown) => {
    if (e instanceof Fault && e.code === "COMMAND_FAILED") return "";
    throw e;
  });
  return [...listing.matchAll(/(\/\S+) \(0x/g)].map((m) => m[1]!);
}
