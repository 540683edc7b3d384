import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Lab, type LabFile, removeLeftovers, startTicksOf } from "../../src/lab/leftovers.ts";
import { addAddress, deviceName, inNetns, labName, listNetns, makeBridge, makeNetns, makeVeth } from "../../src/lab/netns.ts";

const ID = `t${process.pid % 10_000}`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sempre-lab-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A lab in a process of its own: a namespace with a sleeping process in it, one noted process and a folder; then kill -9. */
async function killedLab(): Promise<{ netns: string; inside: number; noted: number; ran: string }> {
  const program = `
    import { spawn } from "node:child_process";
    import { mkdirSync } from "node:fs";
    import { Lab } from "${import.meta.dirname}/../../src/lab/leftovers.ts";
    import { labName, makeNetns, spawnInNetns } from "${import.meta.dirname}/../../src/lab/netns.ts";
    const lab = new Lab("${ID}", "${folder}");
    const netns = labName(lab.id, "x"), ran = "${folder}/ran";
    lab.note("netns", netns);
    await makeNetns(netns);
    lab.note("folders", ran);
    mkdirSync(ran);
    const inside = spawnInNetns(netns, "sleep", ["300"], { stdio: "ignore", detached: true }).pid;
    const noted = spawn("sleep", ["300"], { stdio: "ignore", detached: true }).pid;
    lab.noteProcess(noted);
    setTimeout(() => console.log(JSON.stringify({ netns, inside, noted, ran })), 200);
    setTimeout(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGKILL");
  await once(child, "exit");
  return JSON.parse(String(line));
}

describe("what a killed lab leaves behind", () => {
  test("is removed by the next run: processes, namespace, folder and the list itself", async () => {
    const left = await killedLab();
    expect(startTicksOf(left.inside)).not.toBeNull();
    expect(await removeLeftovers(folder)).toEqual([ID]);
    expect([startTicksOf(left.inside), startTicksOf(left.noted)]).toEqual([null, null]);
    expect(await listNetns()).not.toContain(left.netns);
    expect([existsSync(left.ran), existsSync(join(folder, `${ID}.json`))]).toEqual([false, false]);
    expect(await removeLeftovers(folder)).toEqual([]);
  });

  test("a process that only has the same pid is not touched, nor one of an earlier boot", async () => {
    const other = spawn("sleep", ["300"], { stdio: "ignore" });
    const startTicks = startTicksOf(other.pid!)!;
    const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    const gone = { pid: 2 ** 22 - 1, startTicks: 1 };
    const file = (over: Partial<LabFile>): LabFile => ({
      id: ID,
      bootId,
      owner: gone,
      netns: [],
      devices: [],
      processes: [],
      folders: [],
      ...over,
    });
    const leave = (over: Partial<LabFile>) => writeFile(join(folder, `${ID}.json`), JSON.stringify(file(over)));
    await leave({ processes: [{ pid: other.pid!, startTicks: startTicks - 1 }] });
    expect(await removeLeftovers(folder)).toEqual([ID]);
    await leave({ bootId: "another", processes: [{ pid: other.pid!, startTicks }] });
    expect(await removeLeftovers(folder)).toEqual([ID]);
    expect(startTicksOf(other.pid!)).toBe(startTicks);
    other.kill();
  });

  test("a list cut off in the middle is removed and harms nobody", async () => {
    await writeFile(join(folder, `${ID}.json`), '{"id":"');
    expect(await removeLeftovers(folder)).toEqual([ID]);
  });
});

describe("a live lab", () => {
  test("is left alone, refuses a second of its id, and is gone after disposal", async () => {
    const ran = join(folder, "live");
    const netns = labName(ID, "x");
    {
      await using lab = new Lab(ID, folder);
      lab.note("netns", netns);
      await makeNetns(netns);
      lab.note("folders", ran);
      await mkdir(ran);
      expect(await removeLeftovers(folder)).toEqual([]);
      expect(() => new Lab(ID, folder)).toThrow(/already running/);
      expect(await listNetns()).toContain(netns);
    }
    expect(await listNetns()).not.toContain(netns);
    expect([existsSync(ran), existsSync(join(folder, `${ID}.json`))]).toEqual([false, false]);
  });

  test("ends its things in reverse order, and the rest too where one of them fails", async () => {
    const ended: string[] = [];
    const lab = new Lab(ID, folder);
    lab.ends.defer(() => void ended.push("first made"));
    lab.ends.defer(() => {
      throw new Error("will not end");
    });
    lab.ends.defer(() => void ended.push("last made"));
    await expect(lab[Symbol.asyncDispose]()).rejects.toThrow("will not end");
    expect(ended).toEqual(["last made", "first made"]);
    expect(existsSync(join(folder, `${ID}.json`))).toBe(false);
  });

  test("takes no name that is not a lab's", async () => {
    expect(() => new Lab("../x", folder)).toThrow(/lab id/);
    await using lab = new Lab(ID, folder);
    expect(() => lab.note("netns", "production")).toThrow(/not a name of a lab/);
  });
});

describe("networks", () => {
  test("a cable and a bridge carry packets between namespaces, with no offload left on", async () => {
    await using lab = new Lab(ID, folder);
    const [a, b, middle] = ["a", "b", "m"].map((suffix) => labName(ID, suffix)) as [string, string, string];
    for (const netns of [a, b, middle]) {
      lab.note("netns", netns);
      await makeNetns(netns);
    }
    await makeBridge({ name: "br", netns: middle });
    for (const [netns, address] of [
      [a, "10.9.0.1/24"],
      [b, "10.9.0.2/24"],
    ] as const) {
      await makeVeth({ name: `to-${netns.at(-1)}`, netns: middle }, { name: "eth0", netns });
      await inNetns(middle, "ip", "link", "set", `to-${netns.at(-1)}`, "master", "br");
      await addAddress({ name: "eth0", netns }, address);
    }
    expect(await inNetns(a, "busybox", "arping", "-c", "1", "-w", "60", "-I", "eth0", "10.9.0.2")).toMatch(/reply from 10.9.0.2/);
    expect(await inNetns(a, "ip", "address", "show", "dev", "eth0")).toMatch(/10.9.0.1\/24 brd 10.9.0.255/);
    expect(await inNetns(a, "ethtool", "-k", "eth0")).toMatch(/tx-checksumming: off/);
  });

  test("a device name that the kernel would refuse is refused here", () => {
    expect(deviceName("ab12", "m0")).toBe("sempre-ab12-m0");
    expect(() => deviceName("abcd1234", "m")).toThrow(RangeError);
  });
});
