import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { PassThrough, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { ZipFile } from "yazl";
import { Zip } from "../descriptor/zip.ts";
import { Fault } from "../lib/fault.ts";
import type { Artifact, DescriptorPackage, PartsOfPackage, Upload } from "../model/package.ts";
import type { PackageFiles } from "../store/package-files.ts";
import { fileIdOf } from "./external-artifacts.ts";

/** Bytes of something, opened when they are wanted: `from` and `to` count from 0, and `to` is the last. */
export interface Bytes {
  readonly type: string;
  readonly size: number;
  readonly open: (from: number, to: number) => Promise<Readable>;
}

/** Gives out what packages hold. Each throws CONFLICT for one that is not on board, and NOT_FOUND for what it does not hold. */
export class PackageReader {
  readonly #files: PackageFiles;

  constructor(files: PackageFiles) {
    this.#files = files;
  }

  content(one: DescriptorPackage): Bytes {
    const { type, bytes } = uploadOf(one);
    const path = this.#files.pathOf(one.id);
    return { type, size: bytes, open: async (start, end) => (bytes === 0 ? empty() : createReadStream(path, { start, end })) };
  }

  /** The descriptor as it was written, in as many files as it has. */
  async descriptor(one: DescriptorPackage): Promise<ReadonlyMap<string, Buffer>> {
    const upload = uploadOf(one);
    const { parts } = one.content!;
    if (upload.type === "text/plain" || parts === null)
      return new Map([["descriptor.yaml", await readFile(this.#files.pathOf(one.id))]]);
    return this.#read(one, parts.descriptor);
  }

  /** The manifest; with the certificate behind it where one is asked for and there. */
  async manifest(one: DescriptorPackage, withCertificate: boolean): Promise<ReadonlyMap<string, Buffer>> {
    const { manifest, certificate } = partsOf(one);
    if (manifest === null) throw new Fault("NOT_FOUND", "the package has no manifest");
    return this.#read(one, [manifest, ...(withCertificate && certificate !== null ? [certificate] : [])]);
  }

  async artifact(one: DescriptorPackage, path: string): Promise<Bytes> {
    partsOf(one);
    const outside = one.content!.artifacts.find((a) => a.path === path && a.uri !== undefined);
    if (outside) {
      const file = this.#fileOf(one, outside);
      return { type: typeOf(path), size: outside.bytes, open: async (start, end) => createReadStream(file, { start, end }) };
    }
    const zip = await this.#open(one);
    if (!zip.has(path)) {
      zip[Symbol.dispose]();
      const there = one.content!.artifacts.map((a) => a.path).join(", ") || "none";
      throw new Fault("NOT_FOUND", `the package has no ${path}; its artifacts: ${there}`);
    }
    const size = zip.bytesOf(path);
    zip[Symbol.dispose]();
    return { type: typeOf(path), size, open: (from, to) => this.#slice(one, path, from, to) };
  }

  /** Its artifacts that are selected, packed anew as they are given out. */
  async artifacts(one: DescriptorPackage, isSelected: (artifact: Artifact) => boolean): Promise<Readable> {
    partsOf(one);
    const zip = await this.#open(one);
    const packed = new ZipFile();
    const out = packed.outputStream as Readable;
    let source: Readable | null = null;
    const end = (e: Error) => void out.destroy(e); // Told to who reads it.
    packed.on("error", end);
    out.once("close", () => {
      source?.destroy(); // Who stops reading leaves one half read: it holds the file open.
      zip[Symbol.dispose]();
    });
    for (const artifact of one.content!.artifacts.filter(isSelected)) {
      const { path, uri } = artifact;
      if (uri !== undefined) packed.addFile(this.#fileOf(one, artifact), path);
      else
        packed.addReadStreamLazy(path, (done: (e: Error | null, s: Readable) => void) => {
          zip.stream(path).then(
            (stream) => {
              source = stream!.once("error", end);
              if (out.destroyed) source.destroy();
              done(null, source);
            },
            (e: Error) => done(e, empty()),
          );
        });
    }
    packed.end();
    return out;
  }

  async #slice(one: DescriptorPackage, path: string, from: number, to: number): Promise<Readable> {
    const zip = await this.#open(one);
    const source = await zip.stream(path).catch((e: unknown) => {
      zip[Symbol.dispose]();
      throw e;
    });
    const out = new PassThrough();
    void pipeline(source!, (chunks) => sliced(chunks, from, to), out)
      .catch((e: Error) => out.destroy(e)) // Told to who reads it.
      .finally(() => zip[Symbol.dispose]());
    return out;
  }

  async #read(one: DescriptorPackage, paths: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    using zip = await this.#open(one);
    const found = new Map<string, Buffer>();
    for (const path of paths) {
      const stream = await zip.stream(path);
      if (stream !== null) found.set(path, await buffer(stream)); // Byte for byte: a certificate may be no text.
    }
    return found;
  }

  #fileOf(one: DescriptorPackage, { uri }: Artifact): string {
    return this.#files.pathOf(fileIdOf(one.id, uri!));
  }

  #open(one: DescriptorPackage): Promise<Zip> {
    return Zip.open(this.#files.pathOf(one.id));
  }
}

/** Files in a zip, made in memory: descriptors and manifests are pages. */
export async function zipped(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const packed = new ZipFile();
  for (const [path, bytes] of files) packed.addBuffer(bytes, path);
  packed.end();
  const chunks: Buffer[] = [];
  for await (const chunk of packed.outputStream as Readable) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function uploadOf({ onboarding, upload }: DescriptorPackage): Upload {
  if (onboarding !== "ONBOARDED") throw new Fault("CONFLICT", `it is ${onboarding}; its content is there when it is ONBOARDED`);
  if (upload === null) throw new Fault("NOT_FOUND", "its content was not kept: it came before contents were; on-board it again");
  return upload;
}

function partsOf(one: DescriptorPackage): PartsOfPackage {
  uploadOf(one);
  const parts = one.content?.parts ?? null;
  if (parts === null) throw new Fault("NOT_FOUND", "its content is one text, and no package that has a manifest and artifacts");
  return parts;
}

async function* sliced(chunks: AsyncIterable<Buffer>, from: number, to: number): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to + 1 - at));
    at += chunk.length;
    if (part.length > 0) yield part;
    if (at > to) return;
  }
}

function empty(): Readable {
  const none = new PassThrough();
  none.end();
  return none;
}

const TYPES: Readonly<Record<string, string>> = {
  yaml: "text/plain",
  yml: "text/plain",
  txt: "text/plain",
  md: "text/plain",
  sh: "text/plain",
  mf: "text/plain",
  json: "application/json",
  xml: "application/xml",
  zip: "application/zip",
};
const typeOf = (path: string): string => TYPES[path.split(".").at(-1)!.toLowerCase()] ?? "application/octet-stream";
