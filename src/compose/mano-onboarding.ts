import type { PackageDoors } from "../api/sol/package-calls.ts";
import type { VnfPackageDoors } from "../api/sol/vnf-packages.ts";
import type { ManoConfig } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { isLoopback } from "../lib/loopback.ts";
import type { Seal } from "../lib/seal.ts";
import { usesOf } from "../mano/descriptor-uses.ts";
import { ImageHandout } from "../mano/image-handout.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { type ClientCredentials, checkOrigin, download } from "../mano/package-download.ts";
import { PackageReader, zipped } from "../mano/package-reader.ts";
import { Packages } from "../mano/packages.ts";
import type { Scope } from "../mano/scope.ts";
import type { ArtifactAccess, Origin, PackageKind, PackageView } from "../model/package.ts";
import { CallbackPolicy } from "../notify/callback-policy.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { PackageFiles } from "../store/package-files.ts";

export interface OnboardingParts {
  readonly config: ManoConfig;
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly nfvo: Nfvo;
  readonly seal: Seal;
  /** Ports of this machine that are our own. */
  readonly ownPorts: () => readonly number[];
}

/** What takes packages in and gives them out. */
export interface Onboarding {
  readonly packages: Packages;
  readonly reader: PackageReader;
  /** From where packages may be downloaded: as callbacks, nobody reaches through us what they cannot reach themselves. */
  readonly policy: CallbackPolicy;
  readonly seal: Seal;
}

const BYTES_PER_MIB = 2 ** 20;

const filesOf = ({ packages: { dir, mibMax }, store }: ManoConfig) =>
  new PackageFiles(dir ?? `${store}.packages`, mibMax * BYTES_PER_MIB);

/** Gives images of packages to VIMs, before packages are taken in: what was begun goes on at once. `port`: of this daemon. */
export function imageHandoutOf({
  config,
  port,
  ...around
}: Pick<OnboardingParts, "config" | "db" | "clock" | "seal"> & { port: () => number }) {
  const { host, tls, apiRoot } = config.listen;
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host;
  const root = () => config.packages.imageRoot ?? apiRoot ?? `http${tls ? "s" : ""}://${local}:${port()}`;
  return new ImageHandout({ ...around, reader: new PackageReader(filesOf(config)), root: () => root().replace(/\/+$/, "") });
}

export function onboardingOf({ config, db, clock, log, nfvo, seal, ownPorts }: OnboardingParts): Onboarding {
  const { allow } = config.packages;
  const files = filesOf(config);
  const policy = new CallbackPolicy({ allow, thisMachine: isLoopback(config.listen.host), ownPorts, secretsInClear: false });
  const packages = new Packages({
    db,
    clock,
    log,
    files,
    outbox: nfvo.outbox,
    catalogue: nfvo.catalogue,
    owners: nfvo.owners,
    download: (origin, signal) => download(policy, origin.uri, credentialsOf(origin, seal), signal),
    inUse: () => usesOf(nfvo.lifecycle.all, (ns) => nfvo.occurrences.runningOf(ns)),
  });
  return { packages, reader: new PackageReader(files), policy, seal };
}

function credentialsOf({ sealedAuth }: Origin, seal: Seal): ClientCredentials | null {
  const text = sealedAuth === null ? null : seal.unseal(sealedAuth);
  return text === null ? null : (JSON.parse(text) as ClientCredentials);
}

/** What the tables of NSDs, PNFDs and VNF packages go through. */
export function packageDoors({ packages, reader }: Onboarding, kind: PackageKind, scope: Scope): PackageDoors {
  const one = (id: string) => seen(packages, kind, id, scope);
  return {
    list: (asked) => packages.list(kind, { ...asked, seenBy: scope.tenant ?? undefined }),
    get: one,
    create: (data) => packages.create(kind, data, scope.tenant),
    modify: async (id, change) => packages.modify(kind, await owned(packages, kind, id, scope), change),
    remove: async (id) => packages.remove(kind, await owned(packages, kind, id, scope)),
    receive: async (id, chunks) => packages.receive(kind, await owned(packages, kind, id, scope), chunks),
    content: async (id) => reader.content(await one(id)),
    descriptor: async (id) => reader.descriptor(await one(id)),
    manifest: async (id, withCertificate) => reader.manifest(await one(id), withCertificate),
    artifact: async (id, path) => reader.artifact(await one(id), path),
    artifacts: async (id, isSelected) => reader.artifacts(await one(id), isSelected),
    zipped,
  };
}

export function vnfPackageDoors(onboarding: Onboarding, scope: Scope): VnfPackageDoors {
  const { packages, policy, seal } = onboarding;
  return {
    ...packageDoors(onboarding, "vnf", scope),
    fetch: async (id, { uri, credentials }) => {
      const own = await owned(packages, "vnf", id, scope);
      checkOrigin(policy, uri, "addressInformation");
      if (credentials) checkOrigin(policy, credentials.tokenEndpoint, "tokenEndpoint");
      return packages.fetch("vnf", own, { uri, sealedAuth: credentials && seal.seal(JSON.stringify(credentials)) });
    },
    giveAccess: async (id, wishes) => {
      const own = await owned(packages, "vnf", id, scope);
      const access = wishes.map(({ uri, overrideUri, credentials }): ArtifactAccess => {
        checkOrigin(policy, overrideUri ?? uri, overrideUri === null ? "artifactUri" : "overrideUri");
        if (credentials) checkOrigin(policy, credentials.tokenEndpoint, "tokenEndpoint");
        return { uri, overrideUri, sealedAuth: credentials && seal.seal(JSON.stringify(credentials)) };
      });
      return packages.giveAccess("vnf", own, access);
    },
  };
}

/** Throws NOT_FOUND, for another tenant's too. */
async function seen(packages: Packages, kind: PackageKind, id: string, scope: Scope): Promise<PackageView> {
  if (!scope.sees(id)) throw packages.notFound(kind, id);
  return packages.get(kind, id);
}

/** What is for all to use is not for all to change. Throws FORBIDDEN, NOT_FOUND. */
async function owned(packages: Packages, kind: PackageKind, id: string, scope: Scope): Promise<string> {
  await seen(packages, kind, id, scope);
  if (scope.owns(id)) return id;
  throw new Fault("FORBIDDEN", `${id} is for all tenants to use: only who is of none may change it`, { id });
}
