import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CpioEntry, cpioNewc } from "../../src/lab/cpio.ts";
import { ensureGuestKernel, GUEST_CMDLINE } from "../../src/lab/image.ts";

/** In the order in which they must be loaded. */
const MODULES = [
  "virtio_ring",
  "virtio",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "virtio_blk",
  "cdrom",
  "isofs",
  "button",
  "evdev",
];
const CACHE = ".cache/storage-guest";

/** What it writes into its first disk, at this offset. */
export const WRITTEN = { at: 8 * 512, text: "written by the guest" };
/** With this word on its kernel's command line it hears its power button: it writes down that it was asked to end, in the next sector, and ends. */
export const LISTENS = "listens";
/** What its next life finds of that, and says. */
export const LAST_WORDS = "asked to end";
export const STORAGE_GUEST_CMDLINE = GUEST_CMDLINE;

/**
 * First process of a guest that says on its console what disks it has and what is on them, as `guest: …`, and then sends back each line that
 * comes; `off` ends it.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /mnt /bin
/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s /bin
export PATH=/bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in ${MODULES.join(" ")}; do [ -e /modules/$module.ko ] && insmod /modules/$module.ko; done
say() { echo "guest: $*" >/dev/console; }
for disk in /sys/block/vd*; do say "disk \${disk##*/} $(cat $disk/size) read-only=$(cat $disk/ro)"; done
say "first $(dd if=/dev/vda bs=16 count=1 2>/dev/null)"
sector() { dd if=/dev/vda bs=512 skip=$1 count=1 2>/dev/null | tr -d '\\0'; }
say "found $(sector 8)"
say "last $(sector 9)"
dd if=/dev/zero of=/dev/vda bs=512 seek=9 count=1 conv=notrunc,fsync 2>/dev/null
printf '%s' '${WRITTEN.text}' | dd of=/dev/vda bs=512 seek=8 conv=notrunc,fsync 2>/dev/null
sync
for disk in /sys/block/vd*; do
  mount -t iso9660 -o ro /dev/\${disk##*/} /mnt 2>/dev/null || continue
  for file in /mnt/*; do say "seed \${file##*/} $(base64 -w 0 $file)"; done
  umount /mnt
done
# Ends as the lab's guest does, and for the same reason.
end() {
  printf '%s' '${LAST_WORDS}' | dd of=/dev/vda bs=512 seek=9 conv=notrunc,fsync 2>/dev/null
  sync
  echo b >/proc/sysrq-trigger
}
if grep -qw ${LISTENS} /proc/cmdline; then
  button=$(grep -l 'Power Button' /sys/class/input/event*/device/name | head -n 1)
  button=\${button#/sys/class/input/}
  exec 3<"/dev/input/\${button%%/*}" # From now on, and not when the other process has begun.
  { head -c 1 <&3 >/dev/null && end; } &
fi
say ready
stty -echo </dev/ttyS0
while read -r line; do
  [ "$line" = off ] && { sync; echo o >/proc/sysrq-trigger; sleep 10; }
  echo "you said: $line"
done </dev/ttyS0 >/dev/ttyS0
`;

/** Kernel and initramfs of that guest. Throws MISSING_PART as the lab's guest does. */
export async function ensureStorageGuest(): Promise<{ readonly kernel: string; readonly initrd: string }> {
  const { folder } = await ensureGuestKernel(CACHE, MODULES);
  const file = async (path: string, from: string): Promise<CpioEntry> => ({
    kind: "file",
    path,
    mode: 0o755,
    bytes: await readFile(from),
  });
  const busybox = existsSync("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox";
  const there = MODULES.filter((m) => existsSync(join(folder, `${m}.ko`)));
  const archive = cpioNewc([
    { kind: "device", path: "dev/console", major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, bytes: Buffer.from(INIT) },
    await file("bin/busybox", busybox),
    ...(await Promise.all(there.map((m) => file(`modules/${m}.ko`, join(folder, `${m}.ko`))))),
  ]);
  const initrd = join(folder, "storage-initrd.cpio");
  const draft = `${initrd}.${process.pid}`;
  await writeFile(draft, archive);
  await rename(draft, initrd); // Whole, for a guest of another test that starts at this moment.
  return { kernel: join(process.cwd(), folder, "vmlinuz"), initrd: join(process.cwd(), initrd) };
}
