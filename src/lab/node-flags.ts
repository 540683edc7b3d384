// As docs/how-to/run-the-daemons.md has it.

/**
 * The reaction path allocates little: a small young generation keeps its collections short. Code that runs once a year must be
 * compiled when it does. One background thread of V8 and one malloc arena are enough for a daemon that mostly waits, and save 15 MiB.
 */
export const NODE_FLAGS = ["--max-semi-space-size=1", "--v8-pool-size=1", "--no-flush-bytecode", "--always-sparkplug"] as const;
/** A large buffer goes back to the system when it is free: glibc holds on to ever larger ones, once it has seen one freed. */
export const NODE_ENV = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072" } as const;
/** Of live objects a MANO has 60 MiB with 400 network services; what the limit leaves is collected often enough to fit into 256 MB with 1,000. */
export const HEAP_MIB_MAX = "--max-old-space-size=112";
