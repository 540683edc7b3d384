import { join } from "node:path";
import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listing } from "../../src/api/sol/list.ts";
import { identified } from "../../src/api/sol/members.ts";
import { NSD_LIST, nsdInfo } from "../../src/api/sol/nsd-view.ts";
import { packagesShown } from "../../src/api/sol/package-calls.ts";
import type { DescriptorPackage } from "../../src/model/package.ts";
import { insertOwner } from "../../src/store/mano-owners.ts";
import { readPackages, readPackagesAsked, readUsesOf, savePackage } from "../../src/store/mano-packages.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";

// Lists of packages are read a page at a time, past what a filter leaves out and what is another tenant's.

const COUNT = 240;
const STATES = ["ONBOARDED", "ONBOARDED", "CREATED", "ERROR"] as const;
const OWNERS = ["alpha", "bravo", null] as const;
/** Three of each moment, so that the ids decide. */
const momentOf = (i: number): string => new Date(1_760_000_000_000 + Math.floor(i / 3) * 1_000).toISOString();

const packageOf = (i: number): DescriptorPackage => {
  const onboarding = STATES[i % STATES.length]!;
  const content = { descriptorId: `d-${i % 16}`, name: `n-${i}`, version: "1", provider: null, artifacts: [], images: [] };
  return {
    id: `p-${(i * 7919) % COUNT}`,
    kind: i % 6 === 5 ? "vnf" : "nsd",
    onboarding,
    operational: "ENABLED",
    userDefinedData: {},
    failure: null,
    upload: null,
    origin: null,
    content: onboarding === "CREATED" ? null : content,
    uses: [`v-${i % 3}`],
    createdAt: momentOf(i),
    modifiedAt: momentOf(i),
  } as unknown as DescriptorPackage;
};

let db: Store<ManoTables>;
beforeAll(async () => {
  db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "..", "..", "sql", "mano") });
  for (let i = COUNT - 1; i >= 0; i--) {
    const one = packageOf(i);
    const owner = OWNERS[i % OWNERS.length]!;
    if (owner !== null) await insertOwner(db, one.id, owner);
    await savePackage(db, one);
  }
});
afterAll(() => db.destroy());

const shownTo = (tenant: string | null, store: ManoStore = db, states?: readonly string[]) => {
  const viewed = async (asked: Parameters<typeof readPackagesAsked>[2]) =>
    (await readPackagesAsked(store, "nsd", { ...asked, seenBy: tenant ?? undefined })).map((p) => ({ ...p, isInUse: false }));
  const named = { descriptorId: "nsdId", state: "nsdOnboardingState" };
  return packagesShown({ doors: { list: viewed } } as never, nsdInfo, named, states);
};
const idsOf = (items: readonly object[]) => items.map((i) => (i as { id: string }).id);

test.for([
  undefined,
  "(eq,nsdId,d-3)",
  "(in,nsdOnboardingState,CREATED,ERROR)",
  `(in,id,${[0, 1, 2].map((i) => packageOf(i).id)})`,
  "(neq,nsdId,d-3);(eq,nsdOnboardingState,ONBOARDED)",
])("filter %s: a page at a time is the same as all at once, for each tenant", async (filter) => {
  const asked = { all_fields: "", ...(filter !== undefined && { filter }) };
  const all = (await readPackages(db, "nsd")).map((p) => ({ ...p, isInUse: false }));
  const owned = new Map(Array.from({ length: COUNT }, (_, i) => [packageOf(i).id, OWNERS[i % OWNERS.length]!]));
  for (const tenant of [null, "alpha", "bravo"]) {
    const own = all.filter((p) => tenant === null || [null, tenant].includes(owned.get(p.id)!));
    const wanted = idsOf((await listing(identified(own, nsdInfo), asked, NSD_LIST, COUNT)).items);
    const found: string[] = [];
    for (let query: Record<string, unknown> | null = asked; query !== null; ) {
      const { items, next } = await listing(shownTo(tenant), query, NSD_LIST, 7);
      found.push(...idsOf(items));
      query = next === null ? null : Object.fromEntries(new URLSearchParams(next));
    }
    expect(found).toEqual(wanted);
    expect(found.length).toBeGreaterThan(0);
  }
});

test("those of some states alone are listed; a filter for others finds none", async () => {
  const { items } = await listing(shownTo(null, db, ["ONBOARDED"]), { filter: "(eq,nsdOnboardingState,ERROR)" }, NSD_LIST, 100);
  expect(items).toEqual([]);
});

test("a page reads what it shows and one more, by an index; one who knows the descriptor has it by that", async () => {
  const asked: CompiledQuery[] = [];
  let rows = 0;
  const seen = db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      asked.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => {
      rows += result.rows.length;
      return result;
    },
  });
  const planOf = async (query: Record<string, string>) => {
    asked.length = 0;
    rows = 0;
    const { items } = await listing(shownTo("alpha", seen), query, NSD_LIST, 7);
    const { sql, parameters } = asked[0]!;
    const plan = await db.executeQuery<{ detail: string }>(CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]));
    return { items: items.length, rows, plan: plan.rows.map((r) => r.detail).join("; ") };
  };
  const page = await planOf({});
  expect(page).toMatchObject({ items: 7, rows: 8, plan: expect.stringMatching(/SEARCH package USING INDEX package_by_kind/) });
  expect(page.plan).not.toContain("TEMP B-TREE");
  const byDescriptor = await planOf({ filter: "(eq,nsdId,d-3)" });
  expect(byDescriptor.plan).toMatch(/SEARCH package USING INDEX package_by_descriptor/);
  expect((await planOf({ filter: `(eq,id,${packageOf(0).id})` })).rows).toBe(1);
});

test("what NSDs are made with is read of those alone", async () => {
  const [a, b] = [packageOf(0), packageOf(1)];
  expect([...(await readUsesOf(db, [a.id, b.id]))].sort()).toEqual(["v-0", "v-1"]);
  expect(await readUsesOf(db, [])).toEqual(new Set());
});
