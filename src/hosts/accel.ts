import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../lib/log.ts";

/** Where KVM works, the firmware prints its first line within 50 ms; under TCG within 100. */
const FIRMWARE_MAX_MS = 2_000;
const LOOK_EVERY_MS = 20;
/** Port of the Bochs debug console, which SeaBIOS prints to. */
const DEBUG_PORT = "0x402";
/** SeaBIOS's last words without a disk. Nested KVM without hardware support gets there only after many seconds. */
const LAST_WORDS = "No bootable device";

/**
 * Whether KVM really runs a guest here. The device file proves nothing: it opens on machines where no vCPU with the
 * host's features can be made, and on others where guest code is slower than TCG. So a throw-away QEMU must bring its
 * firmware to the end in time. The caller keeps the answer: it does not change while the machine runs.
 */
export async function probeAccel(log: Log, emulator = "qemu-system-x86_64"): Promise<"kvm" | "tcg"> {
  const dir = await mkdtemp(join(tmpdir(), "accel-"));
  const output = join(dir, "firmware");
  const qemu = execFile(emulator, qemuArgs(output), { cwd: dir }); // A QEMU that aborts may leave a core file.
  try {
    const ended = new Promise<false>((resolve) => qemu.once("exit", () => resolve(false)).once("error", () => resolve(false)));
    const works = await Promise.race([firmwareRan(output), ended]);
    log.info({ kvm: works }, "acceleration probed");
    return works ? "kvm" : "tcg";
  } finally {
    qemu.kill("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  }
}

const qemuArgs = (output: string): string[] => [
  ...["-accel", "kvm", "-cpu", "host", "-machine", "pc", "-m", "16"],
  ...["-nodefaults", "-no-user-config", "-display", "none"],
  ...["-chardev", `file,id=firmware,path=${output}`, "-device", `isa-debugcon,iobase=${DEBUG_PORT},chardev=firmware`],
];

async function firmwareRan(output: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < FIRMWARE_MAX_MS; waitedMs += LOOK_EVERY_MS) {
    if ((await readFile(output, "latin1").catch(() => "")).includes(LAST_WORDS)) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}
