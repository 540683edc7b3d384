/** What values are looked for by, beside their key; null: by nothing. */
export type Lookups<V> = Readonly<Record<string, (value: V) => unknown>>;

/**
 * A map that also finds its values by what stands in them, at a cost that does not grow with how many others there are. All that changes the
 * map changes its look-ups too, so that they cannot differ. Values are replaced, never changed in place.
 */
export class IndexedMap<K, V, L extends Lookups<V>> extends Map<K, V> {
  readonly #lookups: readonly { readonly name: string; readonly of: (value: V) => unknown }[];
  /** By look-up and what it gives: the one key, or all of them. Mostly it is one, and a set for each of 100,000 would be most of the map. */
  readonly #found = new Map<string, Map<unknown, K | Set<K>>>();
  /** The order of the whole map: a key keeps its place when its value is replaced. */
  readonly #places = new Map<K, number>();
  #nextPlace = 0;

  readonly #changed: (had: V | undefined, now: V | undefined) => void;

  /** `changed`: told of each change, after it. */
  constructor(lookups: L, changed: (had: V | undefined, now: V | undefined) => void = () => {}) {
    super();
    this.#changed = changed;
    this.#lookups = Object.entries(lookups).map(([name, of]) => ({ name, of }));
    for (const { name } of this.#lookups) this.#found.set(name, new Map());
  }

  /** Values of which this look-up gives `wanted`, in the order of the map. */
  by(lookup: keyof L & string, wanted: unknown): V[] {
    const found = this.#found.get(lookup)?.get(wanted);
    if (found === undefined) return [];
    if (!(found instanceof Set)) return [this.get(found) as V];
    const place = (key: K) => this.#places.get(key) as number;
    return [...found].sort((a, b) => place(a) - place(b)).map((key) => this.get(key) as V);
  }

  /** Whether there is a value of which this look-up gives `wanted`. */
  hasAny(lookup: keyof L & string, wanted: unknown): boolean {
    return this.#found.get(lookup)?.has(wanted) ?? false;
  }

  /** Where a key stands in the order of the map: grows from the first on. */
  placeOf(key: K): number {
    return this.#places.get(key) ?? Number.POSITIVE_INFINITY;
  }

  override set(key: K, value: V): this {
    const had = this.get(key);
    this.#enter(key, had, value);
    this.#changed(had, value);
    return this;
  }

  /** As `set`, of a new key: where nothing follows yet from what is in the map, so that nobody is to be told. */
  load(key: K, value: V): void {
    this.#enter(key, undefined, value);
  }

  #enter(key: K, had: V | undefined, value: V): void {
    if (had === undefined) this.#places.set(key, this.#nextPlace++);
    super.set(key, value);
    for (const { name, of } of this.#lookups) {
      const now = of(value);
      const was = had === undefined ? null : of(had);
      if (was === now) continue;
      if (was !== null) this.#drop(name, was, key);
      if (now !== null) this.#put(name, now, key);
    }
  }

  override delete(key: K): boolean {
    const had = this.get(key);
    if (had === undefined) return false;
    for (const { name, of } of this.#lookups) {
      const was = of(had);
      if (was !== null) this.#drop(name, was, key);
    }
    this.#places.delete(key);
    super.delete(key);
    this.#changed(had, undefined);
    return true;
  }

  override clear(): void {
    for (const key of [...this.keys()]) this.delete(key);
  }

  #put(name: string, wanted: unknown, key: K): void {
    const byValue = this.#found.get(name) as Map<unknown, K | Set<K>>;
    const found = byValue.get(wanted);
    if (found === undefined) byValue.set(wanted, key);
    else if (found instanceof Set) found.add(key);
    else byValue.set(wanted, new Set([found, key]));
  }

  #drop(name: string, wanted: unknown, key: K): void {
    const byValue = this.#found.get(name) as Map<unknown, K | Set<K>>;
    const found = byValue.get(wanted);
    if (found instanceof Set) {
      found.delete(key);
      if (found.size === 1) byValue.set(wanted, [...found][0]!);
    } else byValue.delete(wanted);
  }
}
