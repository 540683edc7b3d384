import type { VimPicture } from "../../src/model/vim-picture.ts";
import type { Vim } from "../../src/vim/vim.ts";

/** All that a request may have changed, as a text to compare. What servers, images and ports do by themselves is left out. */
export function stateOf({ picture }: Vim): string {
  const { tenants, hosts, images, flavors, nets, servers, ports } = picture;
  const asked = [
    ...[tenants, hosts, flavors, nets].flatMap((things) => [...(things as ReadonlyMap<string, object>).values()]),
    ...[...images.values()].map(({ status, lastError, progress, ...i }) => i),
    ...[...servers.values()].map(({ status, lastError, progress, task, taskNo, hasDisks, ...s }) => s),
    ...[...ports.values()].map(({ status, ...p }) => p),
    ...picture.protections.values(),
  ];
  return asked
    .map((thing) => JSON.stringify(thing, inOrder))
    .sort()
    .join("\n");
}

/** Rows that are in one only, before or after. */
export function changedRows(before: string, after: string): string[] {
  if (before === after) return [];
  const [was, is] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...was].filter((row) => !is.has(row)).map((row) => `- ${row}`),
    ...[...is].filter((row) => !was.has(row)).map((row) => `+ ${row}`),
  ];
}

/** For JSON.stringify: members in one order, since a thing just made and one that was read list them differently. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What must hold of the rows together; one sentence for each that does not. */
export function invariantsOf({ tenants, hosts, images, flavors, nets, servers, ports }: VimPicture): string[] {
  const wrong: string[] = [];
  const holds = (is: boolean, what: string) => {
    if (!is) wrong.push(what);
  };
  const isOf = (id: string | null, things: ReadonlyMap<string, unknown>) => id === null || things.has(id);
  for (const s of servers.values()) {
    holds(
      tenants.has(s.tenantId) && flavors.has(s.flavorId) && images.has(s.imageId) && hosts.has(s.hostId),
      `server ${s.id} refers to what is gone`,
    );
  }
  for (const n of nets.values()) {
    holds(isOf(n.tenantId, tenants) && isOf(n.bindNet, nets) && isOf(n.copyNet, nets), `net ${n.id} refers to what is gone`);
    holds(n.bindNet === null || nets.get(n.bindNet)?.bindNet === null, `net ${n.id} is bound to one that is bound`);
    holds(n.copyNet === null || n.bindNet !== null, `net ${n.id} has a copy and no bind`);
  }
  for (const p of ports.values()) {
    holds(isOf(p.netId, nets) && isOf(p.serverId, servers) && isOf(p.tenantId, tenants), `port ${p.id} refers to what is gone`);
  }
  for (const t of [...flavors.values(), ...images.values()]) {
    holds(
      t.tenants.every((id) => tenants.has(id)),
      `${t.id} is linked to a tenant that is gone`,
    );
  }
  unique(
    "MAC",
    [...ports.values()].map((p) => p.mac),
    holds,
  );
  unique(
    "provider",
    [...nets.values()].map((n) => n.provider),
    holds,
  );
  unique(
    "tenant name",
    [...tenants.values()].map((t) => t.name),
    holds,
  );
  unique(
    "image path",
    [...images.values()].map((i) => i.path),
    holds,
  );
  for (const n of nets.values()) {
    const ends = [...ports.values()].filter((p) => p.netId === n.id).length + (n.provider?.startsWith("openflow:") ? 1 : 0);
    holds(n.kind !== "ptp" || ends <= 2, `ptp net ${n.id} has ${ends} ends`);
  }
  return wrong;
}

function unique(what: string, values: readonly (string | null)[], holds: (is: boolean, what: string) => void): void {
  const set = values.filter((v) => v !== null);
  holds(new Set(set).size === set.length, `a ${what} is there twice`);
}
