import { expect, test } from "vitest";
import { storageNamedIn, storageOf } from "./mounts.ts";

const MOUNTS = `21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 21 0:25 / /mnt/full rw - tmpfs tmpfs rw,size=1024k
31 21 0:26 / /mnt/full/deep rw - tmpfs tmpfs rw
32 21 0:27 / /mnt/images ro shared:7 - nfs4 nfs1:/export/images rw
33 21 8:1 / /mnt/with\\040blank rw - xfs /dev/sda1 rw
34 32 0:28 / /mnt/images rw master:1 - ceph mon1,mon2:/vms rw
`;

test.each([
  ["/var/lib/x.qcow2", "/"],
  ["/mnt/full/x.qcow2", "/mnt/full"],
  ["/mnt/fuller/x.qcow2", "/"],
  ["/mnt/full/deep/x", "/mnt/full/deep"],
  ["/mnt/with blank/x", "/mnt/with blank"],
  ["/mnt/images/a.qcow2", "mon1,mon2:/vms"],
])("%s is on %s", (file, want) => expect(storageOf(MOUNTS, file)).toBe(want));

test("a mount of a network is named by its source", () =>
  expect(storageOf(MOUNTS.replace(/\n34.*/, ""), "/mnt/images/a")).toBe("nfs1:/export/images"));

test("a text that names none", () => expect([storageOf("", "/x"), storageOf("garbage\n", "/x")]).toEqual([null, null]));

test.each([
  ["/srv/vms/a.qcow2", "/srv/vms"],
  ["/a.qcow2", "/"],
  ["pool/image", "pool"],
  ["image", null],
  ["", null],
] as const)("by its name alone %s is on %s", (disk, want) => expect(storageNamedIn(disk)).toBe(want));
