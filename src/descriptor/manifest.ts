/** One file of a package, and what its content must come to (SOL004 4.3.2). */
export interface Listed {
  readonly source: string;
  readonly algorithm: string;
  readonly hash: string;
  readonly line: number;
}

/** A file outside the package that its manifest names. */
export interface ListedOutside {
  readonly uri: string;
  readonly algorithm: "sha256" | "sha512";
  readonly hash: string;
}

export const isOutside = (source: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(source);

/** Those that stand there, each once. */
export const outsideOf = ({ files }: Pick<Manifest, "files">): ListedOutside[] =>
  files.flatMap(({ source: uri, algorithm: name, hash }) => {
    const algorithm = isOutside(uri) ? algorithmOf(name) : null;
    return algorithm === null ? [] : [{ uri, algorithm, hash }];
  });

export interface Manifest {
  readonly metadata: Readonly<Record<string, string>>;
  readonly files: readonly Listed[];
  /** Source → the id of its set, of artifacts that are not for the MANO (SOL004 4.3.7). */
  readonly sets: Readonly<Record<string, string>>;
  /** The signature in DER, and the bytes that it is about; null: it is not signed. */
  readonly signature: { readonly der: Buffer; readonly signed: string } | null;
  readonly wrong: readonly { readonly line: number; readonly what: string }[];
}

const ALGORITHMS: Readonly<Record<string, "sha256" | "sha512">> = {
  "SHA-256": "sha256",
  SHA256: "sha256",
  "SHA-512": "sha512",
  SHA512: "sha512",
};
/** Null: it is not one that is good enough (SOL004 4.3.2: SHA-256, SHA-512). */
export const algorithmOf = (name: string): "sha256" | "sha512" | null => ALGORITHMS[name.toUpperCase()] ?? null;

const BEGIN = /^-----BEGIN (CMS|PKCS7)-----\s*$/;

/** Reads `metadata:`, the blocks of Source, Algorithm and Hash, and a CMS signature at the end. */
export function readManifest(text: string): Manifest {
  const lines = text.split(/\r?\n/);
  const begin = lines.findIndex((l) => BEGIN.test(l));
  const body = begin < 0 ? lines : lines.slice(0, begin);
  const metadata: Record<string, string> = {};
  const files: Listed[] = [];
  const wrong: { line: number; what: string }[] = [];
  let block: { source?: string; algorithm?: string; hash?: string; line: number } = { line: 0 };
  const sets: Record<string, string> = {};
  let isInSets = false;
  let set: string | null = null;
  for (const [i, written] of body.entries()) {
    isInSets = /^non_mano_artifact_sets\s*:\s*$/.test(written) || (isInSets && (/^\s/.test(written) || written.trim() === ""));
    if (isInSets) {
      const [, source] = /^\s+Source:(.*)$/i.exec(written)?.map((part) => part.trim()) ?? [];
      if (source === undefined) set = /^\s+(\S+):\s*$/.exec(written)?.[1] ?? set;
      else if (set !== null) sets[source] = set;
      continue;
    }
    // No two parts of it may take the same letters: a long line of spaces would keep it busy for hours.
    const [, key, value] = /^([A-Za-z_ \t-]+):(.*)$/.exec(written.trim())?.map((part) => part.trim()) ?? [];
    if (key === undefined) {
      if (written.trim() !== "" && !written.trim().startsWith("#"))
        wrong.push({ line: i + 1, what: `${JSON.stringify(written.trim().slice(0, 60))} is no "name: value"` });
      continue;
    }
    const name = key.toLowerCase();
    if (
      name === "source" ||
      (name === "name" && block.hash === undefined && files.length + Number(block.source !== undefined) > 0)
    )
      block = { source: value!, line: i + 1 };
    else if (name === "algorithm") block.algorithm = value!;
    else if (name === "hash") block.hash = value!;
    else if (block.source === undefined && name !== "metadata") metadata[name] = value!;
    if (block.source !== undefined && block.algorithm !== undefined && block.hash !== undefined) {
      files.push({ source: block.source, algorithm: block.algorithm, hash: block.hash.toLowerCase(), line: block.line });
      block = { line: 0 };
    }
  }
  if (block.source !== undefined) wrong.push({ line: block.line, what: `${block.source} has no Algorithm and Hash` });
  const signature = begin < 0 ? null : { der: derOf(lines.slice(begin + 1)), signed: signedPart(text) };
  return { metadata, files, sets, signature, wrong };
}

const derOf = (lines: readonly string[]): Buffer => {
  const end = lines.findIndex((l) => l.startsWith("-----END"));
  return Buffer.from(lines.slice(0, end < 0 ? undefined : end).join(""), "base64");
};

/** Everything before the signature, byte for byte. */
const signedPart = (text: string): string => text.slice(0, text.search(/^-----BEGIN (?:CMS|PKCS7)-----/m));
