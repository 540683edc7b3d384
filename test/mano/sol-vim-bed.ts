import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { openmanoRig } from "../openmano/rig.ts";
import { until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const VNFS = "/vnflcm/v2/vnf_instances";
// biome-ignore lint/suspicious/noExplicitAny: as it came.
type Answer = any;

export interface SolVimBed extends AsyncDisposable {
  readonly sol: SolClient;
  /** The VIM's tenant, and the image that `sol006/single.yaml` names. */
  readonly tenant: string;
  readonly imageId: string;
  /** Asks the VIM, which must answer 200. */
  ok(method: string, path: string, body?: object): Promise<Answer>;
  newNet(name: string): Promise<string>;
  onBoard(descriptor: string): Promise<void>;
  /** A VNF of `single-relay` by itself: its path. */
  newVnf(): Promise<string>;
  /** Asks for a task of a VNF, or of an NS, and waits until its occurrence is COMPLETED. */
  done(path: string, task: string, body: object): Promise<Answer>;
}

/** A MANO and a VIM of ours whose machines are states in its process and whose images are rows. `side`: whose replies those of two are held against. */
export async function solVimBed(
  side?: ConstructorParameters<typeof SolClient>[1],
  metadata: object | null = null,
): Promise<SolVimBed> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sempre-sol-vim-"));
  undo.defer(async () => rmSync(dir, { recursive: true }));
  const rig = undo.use(await openmanoRig({ packages: { dir } }));
  const sol = new SolClient({ url: rig.manoUrl }, side);
  const ok = async (method: string, path: string, body?: object) => {
    const { status, body: answer } = await rig.atVim(method, path, body);
    expect({ path, status, answer }).toMatchObject({ status: 200 });
    return answer;
  };
  const tenant = (await ok("GET", "/tenants?name=default")).tenants[0].id;
  const image = { name: "media-relay", path: "/nowhere/image.qcow2", ...(metadata && { metadata }) };
  const imageId = (await ok("POST", `/${tenant}/images`, { image })).image.id;
  const account = { name: "vim1", url: rig.vimUrl, adminUrl: rig.vimAdminUrl };
  expect((await sol.askUnchecked("POST", "/mano/v1/vims", account, { version: "" })).status).toBe(201);
  const all = undo.move();
  return {
    ...{ sol, tenant, imageId, ok },
    newNet: async (name) => (await ok("POST", "/networks", { network: { name, type: "data" } })).network.id,
    async onBoard(descriptor) {
      const headers = { version: "", "content-type": "text/plain" };
      const { status, body } = await sol.askUnchecked("POST", "/mano/v1/descriptors", descriptor, headers);
      expect({ status, body }).toMatchObject({ status: 201 });
    },
    newVnf: async () => `${VNFS}/${(await sol.ask("POST", VNFS, { vnfdId: "single-relay", vnfInstanceName: "single" })).body.id}`,
    async done(path, task, body) {
      const asked = await sol.ask("POST", `${path}/${task}`, body);
      expect({ task, status: asked.status, body: asked.body }).toEqual({ task, status: 202, body: null });
      const occurrence = new URL(asked.headers.get("location")!).pathname;
      return until(`${task} is done`, async () => {
        const { body: o } = await sol.ask("GET", occurrence);
        expect([o.operationState, o.error]).not.toContain("FAILED_TEMP");
        return o.operationState === "COMPLETED" && o;
      });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
