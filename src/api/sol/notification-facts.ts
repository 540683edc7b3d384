import type { SolInterest } from "../../model/sol-subscription.ts";

/** What a notification is about, by the names that filters have for it. What is not there does not apply to this type, and every filter for it passes. */
export type Facts = Readonly<Record<string, readonly string[] | undefined>>;

/** A structure of a filter whose attributes count like those beside it. */
const NESTED = ["nsInstanceSubscriptionFilter", "vnfInstanceSubscriptionFilter"];

/**
 * Whether a filter lets a notification pass: every attribute of it must, and a list does where one of its values is among the facts
 * (SOL003 4.4.1.5, SOL005 5.5.3.2). Attributes that we do not know are as good as absent (SOL013 6.2).
 */
export function letsPass(filter: SolInterest["filter"], facts: Facts): boolean {
  return Object.entries(filter ?? {}).every(([name, wanted]) => {
    if (NESTED.includes(name)) return !isObject(wanted) || letsPass(wanted as SolInterest["filter"], facts);
    const there = Object.hasOwn(facts, name) ? facts[name] : undefined; // A name may be any, `constructor` too.
    if (there === undefined) return true;
    if (name === "vnfProductsFromProviders") return productsAmong(wanted, there);
    return listed(wanted).some((value) => typeof value === "string" && there.includes(value));
  });
}

/** A filter was checked as far as it is common to all interfaces: what is in its structures may be anything. */
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const objectsIn = (value: unknown): readonly Readonly<Record<string, unknown>>[] => listed(value).filter(isObject);

const listed = (wanted: unknown): readonly unknown[] => (Array.isArray(wanted) ? wanted : [wanted]);

/** `product`: provider, product name, software version, version of the VNFD. */
function productsAmong(wanted: unknown, product: readonly string[]): boolean {
  const [provider, name, software, vnfd] = product;
  return objectsIn(wanted).some((p) => {
    // The second is how SOL005's definition of the package filter calls it.
    const products = p.vnfProducts ?? p.vnfProductsFromProviders;
    if (p.vnfProvider !== provider) return false;
    return !products || objectsIn(products).some((q) => q.vnfProductName === name && isVersionOf(q, software, vnfd));
  });
}

const isVersionOf = (
  { versions }: Readonly<Record<string, unknown>>,
  software: string | undefined,
  vnfd: string | undefined,
): boolean =>
  !versions ||
  objectsIn(versions).some(
    (v) => v.vnfSoftwareVersion === software && (!v.vnfdVersions || listed(v.vnfdVersions).includes(vnfd ?? "")),
  );
