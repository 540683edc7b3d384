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
    if (NESTED.includes(name)) return letsPass(wanted as SolInterest["filter"], facts);
    if (name === "vnfProductsFromProviders") return facts[name] === undefined || productsAmong(wanted, facts[name]);
    const there = facts[name];
    return there === undefined || listed(wanted).some((value) => there.includes(String(value)));
  });
}

const listed = (wanted: unknown): readonly unknown[] => (Array.isArray(wanted) ? wanted : [wanted]);

interface WantedProvider {
  readonly vnfProvider?: string;
  readonly vnfProducts?: readonly WantedProduct[];
  /** So called in SOL005's definition of the package filter. */
  readonly vnfProductsFromProviders?: readonly WantedProduct[];
}

interface WantedProduct {
  readonly vnfProductName?: string;
  readonly versions?: readonly { readonly vnfSoftwareVersion?: string; readonly vnfdVersions?: readonly string[] }[];
}

/** `product`: provider, product name, software version, version of the VNFD. */
function productsAmong(wanted: unknown, product: readonly string[]): boolean {
  const [provider, name, software, vnfd] = product;
  return (listed(wanted) as readonly WantedProvider[]).some((p) => {
    const products = p.vnfProducts ?? p.vnfProductsFromProviders;
    if (p.vnfProvider !== provider) return false;
    return !products || products.some((q) => q.vnfProductName === name && isVersionOf(q, software, vnfd));
  });
}

const isVersionOf = ({ versions }: WantedProduct, software: string | undefined, vnfd: string | undefined): boolean =>
  !versions ||
  versions.some((v) => v.vnfSoftwareVersion === software && (!v.vnfdVersions || v.vnfdVersions.includes(vnfd ?? "")));
