/** Aborted when somebody asks this bench to stop: it ends what it has begun, in order. A second time ends it at once. */
export function whenInterrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => {
      console.error(`stopped by ${signal}: what was begun is ended and cleaned up`);
      stop.abort(signal);
    });
  return stop.signal;
}
