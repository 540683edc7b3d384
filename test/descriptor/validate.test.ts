import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { validate } from "../../src/cli/validate.ts";
import { example } from "../mano/rig.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-validate-"));
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

test("a good file: what is in it, who protects whom, with which times, and why", async () => {
  const path = file("media.yaml", example("sol006/media-service-active-passive.yaml"));
  const { text, exitCode } = await validate([path], false);
  expect(exitCode).toBe(0);
  expect(text).toContain(`${path}: good (SOL006): vnfd media-relay-vip 1.0, nsd media-vip 1.0`);
  expect(text).toContain("media-vip, VDU relay: ACTIVE_PASSIVE, service at eth1 10.0.0.100");
  expect(text).toContain("reverts after 2000 ms, hold-off 0 ms, asked every 250 ms, silent after 3 of 3");
  expect(text).toContain("vip-cpd service has vip-function high-availability");
  expect(text).toMatch(/relay-a +hot +data_net0 +traffic_net0, traffic_net1/);
});

test("a VNFD of several deployment flavours: which there are, and which one is shown", async () => {
  const [before, after] = example("sol006/media-service.yaml").split(
    "      df:\n        - id: default\n          vdu-profile:\n",
  );
  const df = (id: string) => `        - id: ${id}\n          vdu-profile:\n`;
  const [profiles, nsd] = after!.split("  nsd:\n");
  const path = file("two.yaml", `${before}      df:\n${df("default")}${profiles}${df("large")}${profiles}  nsd:\n${nsd}`);
  const { text, exitCode } = await validate([path], false);
  expect([text.split("\n")[1], exitCode]).toEqual([
    "note: vnfd media-relay-sol has the deployment flavours default, large; what is shown is default",
    0,
  ]);
  const [read] = JSON.parse((await validate([path], true)).text).files;
  expect([read.vnfd[0].flavours, read.nsd[0].flavours]).toEqual([["default", "large"], ["default"]]);
});

test("the plain form is shown the same way", async () => {
  const { text } = await validate([file("plain.yaml", example("media-relay-pool.yaml"))], false);
  expect(text).toContain("good (plain)");
  expect(text).toMatch(/media-pool, VDU relay: N_PLUS_M/);
  expect(text).toMatch(/relay-w +warm +data_net5 +-/);
});

test("for machines", async () => {
  const good = file("good.yaml", example("sol006/media-service.yaml"));
  const bad = file("bad.yaml", "nfv: { vnfd: [{ id: x }] }");
  const { text, exitCode } = await validate([good, bad], true);
  expect(exitCode).toBe(1);
  expect(JSON.parse(text)).toMatchObject({
    files: [
      {
        file: good,
        valid: true,
        nsd: [{ id: "media-sol", version: "1.0" }],
        protection: [
          {
            of: "media-sol",
            scheme: "ACTIVE_ACTIVE",
            policy: { waitToRestoreMs: 2000 },
            members: [{ vnfc: "relay-a", serves: ["traffic_net0"] }, {}],
          },
        ],
      },
      { file: bad, valid: false },
    ],
  });
  expect(JSON.parse(text).files[1].flaws).toContainEqual({
    file: bad,
    line: 1,
    column: 15,
    path: "nfv.vnfd[0].version",
    what: "is missing",
    remedy: 'write the VNFD\'s version, such as "1.0"',
  });
});

test("an NSD with the VNFD of the file before it", async () => {
  const { nfv } = (await import("yaml")).parse(example("sol006/media-service.yaml"));
  const vnfd = file("vnfd.yaml", stringify({ nfv: { vnfd: nfv.vnfd } }));
  const nsd = file("nsd.yaml", stringify({ nfv: { nsd: nfv.nsd } }));
  expect(await validate([vnfd, nsd], false)).toMatchObject({ exitCode: 0 });
  const alone = await validate([nsd], false);
  expect(alone.exitCode).toBe(1);
  expect(alone.text).toMatch(
    /nsd\.yaml:\d+:\d+: nfv\.nsd\[0\]\.df\[0\]\.vnf-profile\[0\]: there is no VNFD "media-relay-sol"; put it into the same file/,
  );
});

test("one that cannot be read", async () => {
  const { text, exitCode } = await validate([join(dir, "nowhere.yaml")], false);
  expect(exitCode).toBe(2);
  expect(text).toMatch(/nowhere\.yaml: there is no such file/);
});

test.for([
  ["brackets without end", "[".repeat(200_000), /nested too deeply/],
  [
    "blocks nested without end",
    Array.from({ length: 400 }, (_, i) => `${" ".repeat(i)}a:`).join("\n"),
    /nested too deeply|not usable YAML/,
  ],
  ["a hundred thousand keys", Array.from({ length: 30_000 }, (_, i) => `k${i}:`).join("\n"), /more than 20000 values/],
  ["an alias of itself", "a: &a [*a]", /not usable YAML|is no descriptor|is missing|there is no such key/],
  ["a key twice", "nfv:\n  vnfd: []\n  vnfd: []", /:3:3: nfv\.vnfd stands there twice; remove one of them/],
  ["no YAML", "nfv: {", /:1:\d+: the file is not YAML/],
] as const)("%s: refused at once", async ([, text, sentence]) => {
  const path = file("bad.yaml", text);
  const told = await validate([path], false);
  expect(told.exitCode).toBe(1);
  expect(told.text).toMatch(sentence);
});
