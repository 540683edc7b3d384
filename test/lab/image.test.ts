import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensureGuestImage, guestCmdline } from "../../src/lab/image.ts";
import { deleteNetns, inNetns, labName, makeNetns } from "../../src/lab/netns.ts";

test("an image whose inputs did not change is not built again", async () => {
  const first = await ensureGuestImage();
  const second = await ensureGuestImage();
  expect(second).toEqual({ ...first, built: false });
});

test("without network and cache it says what to do, and leaves no half-made folder", async () => {
  const cache = await mkdtemp(join(tmpdir(), "sempre-image-"));
  const netns = labName(`i${process.pid % 10_000}`, "none");
  const program = `
    import { ensureGuestImage } from "${import.meta.dirname}/../../src/lab/image.ts";
    await ensureGuestImage("${cache}").then(() => console.log("built"), (e) => console.log(e.code, e.message));`;
  await makeNetns(netns);
  try {
    const said = await inNetns(netns, process.execPath, "--input-type=module", "-e", program);
    expect(said).toMatch(/^MISSING_PART .*connect to a Debian mirror and run "apt-get update"/);
    expect(await readdir(cache)).toEqual([]);
  } finally {
    await deleteNetns(netns);
    await rm(cache, { recursive: true });
  }
});

test("the command line carries every setting of the guest", () => {
  const settings = {
    mediaIp: "10.61.0.11/24",
    serviceIp: "10.0.0.100/24",
    serviceMac: "0e:53:00:00:00:01",
    mediaGroup: "239.5.0.4",
    mediaPort: 5004,
    markerPort: 6002,
  };
  expect(guestCmdline(settings)).toMatch(
    /sempre.media_ip=10.61.0.11\/24 sempre.service_ip=10.0.0.100\/24 sempre.service_mac=0e:53:00:00:00:01 sempre.media_group=239.5.0.4 sempre.media_port=5004 sempre.marker_port=6002$/,
  );
  expect(guestCmdline(settings).length).toBeLessThan(2048); // COMMAND_LINE_SIZE of Linux on x86.
});
