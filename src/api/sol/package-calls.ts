import type { Readable } from "node:stream";
import { Fault } from "../../lib/fault.ts";
import type { Artifact, OperationalState, PackageView } from "../../model/package.ts";
import type { PackagesAsked } from "../../store/mano-packages.ts";
import { acceptable } from "./media-type.ts";
import { Members } from "./members.ts";
import { oneOf } from "./narrow.ts";
import { type RangedBytes, rangedAnswer } from "./range.ts";
import { Answer, Dated, type SolCall } from "./route.ts";

export interface PackageChangeWish {
  readonly operational?: OperationalState;
  readonly userDefinedData?: Record<string, unknown>;
}

/**
 * What may be asked for packages of one kind: NSDs, PNFDs or VNF packages. Each throws a Fault; what changes something resolves when that is on the
 * disk.
 */
export interface PackageDoors {
  /** The oldest first, as many as are asked for; fewer: there are no more. */
  list(asked: PackagesAsked): Promise<readonly PackageView[]>;
  get(id: string): Promise<PackageView>;
  create(userDefinedData: Record<string, unknown>): Promise<PackageView>;
  modify(id: string, change: PackageChangeWish): Promise<PackageView>;
  remove(id: string): Promise<void>;
  /** Resolves when the content is whole and on the disk; `outcome` when it has been looked through, or throws what is wrong with it. */
  receive(id: string, chunks: AsyncIterable<Uint8Array>): Promise<{ readonly outcome: Promise<void> }>;
  content(id: string): Promise<RangedBytes>;
  descriptor(id: string): Promise<ReadonlyMap<string, Buffer>>;
  manifest(id: string, withCertificate: boolean): Promise<ReadonlyMap<string, Buffer>>;
  artifact(id: string, path: string): Promise<RangedBytes>;
  artifacts(id: string, isSelected: (artifact: Artifact) => boolean): Promise<Readable>;
  /** Files in a zip. */
  zipped(files: ReadonlyMap<string, Buffer>): Promise<Buffer>;
}

type Call = SolCall<PackageDoors>;

const TEXT = "text/plain";
const ZIP = "application/zip";
export const TEXT_OR_ZIP = [TEXT, ZIP];
/** What a content may be sent as: what it is, its first bytes say. */
export const CONTENT_TYPES = [
  ZIP,
  TEXT,
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
  "application/json",
  "application/octet-stream",
  "application/binary", // As ETSI's definition has it, against its text.
];
/** A content that is looked through so soon is answered as done. */
const DONE_AT_ONCE_MS = 2_000;

/**
 * A list of packages, the oldest first. `descriptorId`, `state`: what the attributes are called that the store can look for; `states` alone are in the
 * list.
 */
export const packagesShown = (
  { doors }: Call,
  show: (one: PackageView) => object,
  named: { readonly descriptorId: string; readonly state?: string },
  states?: readonly string[],
): Members =>
  new Members(["string", "string"], async (after, limit, filter) => {
    const rows = await doors.list({
      behind: after && { createdAt: after[0] as string, id: after[1] as string },
      limit,
      ids: oneOf(filter, "id"),
      descriptorIds: oneOf(filter, named.descriptorId),
      states: states ?? (named.state === undefined ? undefined : oneOf(filter, named.state)),
    });
    const members = rows.map((one) => ({ key: [one.createdAt, one.id], show: () => show(one) }));
    return { members, next: rows.length < limit ? null : members.at(-1)!.key };
  });

export const shownBy = (view: (one: PackageView) => object) => async (call: Call) => {
  const one = await call.doors.get(call.params.id!);
  return new Dated(view(one), one.modifiedAt);
};

/** 204 where it is on board at once, else 202; a content that is no good is refused at once where that is found at once. */
export async function takeContent({ doors, params, stream }: Call): Promise<Answer> {
  const { outcome } = await doors.receive(params.id!, streamed(stream));
  const late = Promise.withResolvers<"late">();
  const timer = setTimeout(() => late.resolve("late"), DONE_AT_ONCE_MS);
  const which = await Promise.race([outcome.then(() => "done" as const), late.promise]).finally(() => clearTimeout(timer));
  return new Answer(which === "done" ? 204 : 202, {});
}

/** 202 when it is whole and on the disk: what comes of it, its state says. */
export async function takeContentBehind({ doors, params, stream }: Call): Promise<void> {
  await doors.receive(params.id!, streamed(stream));
}

/** What is not read to its end, for it is refused, must not end the connection that says so. */
function streamed(stream: Readable | null): AsyncIterable<Uint8Array> {
  if (stream === null) throw new Fault("INVALID", "the body is empty: want a package or a descriptor");
  return stream.iterator({ destroyOnReturn: false });
}

/** As it was uploaded; a single file in a zip for those who take that alone (SOL005 5.4.4.3.2, 9.4.5.3.2). */
export async function giveContent({ doors, params, headers }: Call): Promise<Answer> {
  const bytes = await doors.content(params.id!);
  const type = acceptable(headers.accept, bytes.type === ZIP ? [ZIP] : [bytes.type, ZIP]);
  if (type === bytes.type) return rangedAnswer(bytes, headers.range);
  return new Answer(200, { "content-type": ZIP }, await doors.zipped(await doors.descriptor(params.id!)));
}

/** As a text where it is one file and that is taken; else packed. With its signatures it is packed. */
async function giveFiles({ doors, headers }: Call, files: ReadonlyMap<string, Buffer>, isPacked: boolean): Promise<Answer> {
  const isOne = files.size === 1 && !isPacked;
  const type = acceptable(headers.accept, isOne ? [TEXT, ZIP] : [ZIP]);
  if (type === TEXT) return new Answer(200, { "content-type": TEXT }, [...files.values()][0]!);
  return new Answer(200, { "content-type": ZIP }, await doors.zipped(files));
}

export const giveDescriptor = async (call: Call): Promise<Answer> =>
  giveFiles(call, await call.doors.descriptor(call.params.id!), call.query.include_signatures !== undefined);

export const giveManifest = async (call: Call): Promise<Answer> => {
  const withCertificate = call.query.include_signatures !== undefined;
  return giveFiles(call, await call.doors.manifest(call.params.id!, withCertificate), withCertificate);
};

export async function giveArtifact({ doors, params, headers, query }: Call): Promise<Answer> {
  const path = params["*"]!;
  const bytes = await doors.artifact(params.id!, path);
  if (query.include_signatures !== undefined)
    throw new Fault("NOT_ACCEPTABLE", `${path} has no signature of its own: that of the manifest is about all files`);
  acceptable(headers.accept, [bytes.type, "application/octet-stream"]);
  return rangedAnswer(bytes, headers.range);
}

export async function giveArtifacts({ doors, params, query }: Call): Promise<Answer> {
  const { content } = await doors.get(params.id!);
  const images = new Set(content?.images.map((i) => i.path));
  const isSelected = selectionOf(query);
  const packed = await doors.artifacts(params.id!, (a) => isSelected(a, images.has(a.path)));
  return new Answer(200, { "content-type": ZIP }, packed);
}

/** SOL005 9.4.5.3.2: which artifacts are asked for. Images are no additional ones. */
function selectionOf(query: Call["query"]): (artifact: Artifact, isImage: boolean) => boolean {
  const has = (flag: string) => query[flag] !== undefined;
  const sets = has("select_non_mano_artifact_sets") ? String(query.select_non_mano_artifact_sets).split(",") : null;
  return ({ uri, set }, isImage) => {
    if (uri !== undefined && !has("include_external_artifacts")) return false;
    if (set !== undefined) return !has("exclude_all_non_mano_artifacts") && (sets?.includes(set) ?? true);
    return isImage || !has("exclude_all_mano_artifacts");
  };
}
