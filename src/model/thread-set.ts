/** "0-3,8" as a set of thread numbers; null: it is no such text. The kernel's and libvirt's way to write a cpuset. */
export function threadSet(text: string): ReadonlySet<number> | null {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) return null;
  const threads = new Set<number>();
  for (const range of text.split(",")) {
    const [first, last = first] = range.split("-").map(Number) as [number, number?];
    if (last < first || last > THREADS_MAX) return null;
    for (let n = first; n <= last; n++) threads.add(n);
  }
  return threads;
}

/** CONFIG_NR_CPUS of the largest kernels. */
const THREADS_MAX = 8_191;
