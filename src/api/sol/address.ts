// Absolute URIs (SOL013 4.4.2): what a table gives as a path below the API's root is told as a URI that a client can follow.

export interface Addressed {
  readonly protocol: string;
  /** The `Host` header. */
  readonly host: string | undefined;
  /** Where the request came in, for one without a usable `Host`. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

/** `{apiRoot}` of one request, without a slash at its end: the one that is configured, else what the request was addressed to. */
export function apiRootOf(configured: string | undefined, { protocol, host, localAddress, localPort }: Addressed): string {
  if (configured !== undefined) return configured.replace(/\/+$/, "");
  if (host !== undefined && /^[\w.-]+(:\d+)?$|^\[[\da-f:.]+\](:\d+)?$/i.test(host)) return `${protocol}://${host}`;
  const address = localAddress ?? "127.0.0.1";
  return `${protocol}://${address.includes(":") ? `[${address}]` : address}:${localPort ?? 80}`;
}

/** The same value, with every `href` in a `_links` that is a path made absolute. What is shared with it is not changed. */
export function withAbsoluteLinks(value: unknown, apiRoot: string): unknown {
  if (Array.isArray(value)) return value.map((v) => withAbsoluteLinks(v, apiRoot));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, key === "_links" ? links(v, apiRoot) : withAbsoluteLinks(v, apiRoot)]),
  );
}

function links(value: unknown, apiRoot: string): unknown {
  if (Array.isArray(value)) return value.map((v) => links(v, apiRoot));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [
      key,
      key === "href" && typeof v === "string" && v.startsWith("/") ? `${apiRoot}${v}` : links(v, apiRoot),
    ]),
  );
}
