import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

// The tools as a stranger calls them.

const dir = mkdtempSync(join(tmpdir(), "sempre-tools-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

function run(tool: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`tools/${tool}.ts`, ...args], {
    cwd: join(import.meta.dirname, "../.."),
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const PORTS = '[{"switch_port":"p1","vlan":null,"mac":null},{"switch_port":"p2","vlan":null,"mac":null}]';
const caseOf = (flows: string) =>
  `{"nets":[{"uuid":"n","type":"data","vlan":3000,"bind_net":null,"bind_type":null,"ports":${PORTS}}],"out":{"result":0,"flows":${flows}}}\n`;
const FLOWS =
  '[{"priority":995,"ingress_port":"p1","actions":[["out","p2"]]},{"priority":995,"ingress_port":"p2","actions":[["out","p1"]]}]';

for (const tool of ["check-flows", "replay"]) {
  test(`${tool} --help teaches`, () => {
    const { status, stdout } = run(tool, "--help");
    expect(status).toBe(0);
    for (const part of ["Usage:", "FILE holds one JSON object", "Exit status:", "Example"]) expect(stdout).toContain(part);
  });
}

test("check-flows: 0 where all is the same, 1 on a mismatch with input and both answers", () => {
  expect(run("check-flows", file("same.jsonl", caseOf(FLOWS)))).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("1 the same"),
  });
  const { status, stdout } = run("check-flows", file("other.jsonl", caseOf("[]")));
  expect(status).toBe(1);
  for (const part of ["MISMATCH line 1", "input:", "recorded:", "ours:", "1 mismatches"]) expect(stdout).toContain(part);
});

//  what is in the file → what is said
for (const [name, text, says] of [
  ["empty.jsonl", "\n\n", "empty.jsonl holds no line: want a case of nets and what OpenVIM made of them"],
  ["broken.jsonl", `${caseOf(FLOWS)}{"nets":`, "broken.jsonl:2 is no JSON"],
  [
    "other.jsonl",
    '{"nets":[{"uuid":"n"}],"out":{}}',
    "other.jsonl:1 is not a case of nets and what OpenVIM made of them: at /nets/0/vlan",
  ],
] as const) {
  test(`check-flows refuses ${name} with the place and what is wanted`, () => {
    expect(run("check-flows", file(name, text))).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(says) });
  });
}

test("a file that is not there, a server that is not there, no URL: told in one line", () => {
  expect(run("check-flows", "/nowhere.jsonl")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("/nowhere.jsonl cannot be read"),
  });
  const line = '{"tag":"t","method":"GET","path":"/tenants","admin":false,"request":null,"status":200,"response":null}';
  const path = file("rest.jsonl", line);
  const nobody = run("replay", "--url", "http://127.0.0.1:9", path);
  expect(nobody).toMatchObject({ status: 2, stderr: expect.stringContaining("no answer (") });
  expect(nobody.stderr.trim().split("\n").length).toBe(1);
  expect(run("replay", path)).toMatchObject({ status: 2, stderr: expect.stringContaining("--url") });
  expect(run("replay", "--url", "nonsense", path)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("--url: want a URL"),
  });
});
