import { InvalidArgumentError } from "commander";

/** "1s", "250ms" → ms. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError("want a time such as 1s or 250ms.");
  return Number(amount) * (unit === "s" ? 1000 : 1);
}

/** "90d", "12h", "30m" from now, or a day or time as ISO 8601 has it. */
export function moment(text: string): string {
  const [, amount, unit] = /^(\d{1,6})([dhm])$/.exec(text) ?? [];
  const lengths = { d: 86_400_000, h: 3_600_000, m: 60_000 } as const;
  const at = amount === undefined ? Date.parse(text) : Date.now() + Number(amount) * lengths[unit as keyof typeof lengths];
  if (!Number.isFinite(at) || at <= Date.now())
    throw new InvalidArgumentError("want a time to come, such as 90d, 12h or 2030-01-31.");
  return new Date(at).toISOString();
}

/** Throws what commander shows beside the option. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < min || n > max) throw new InvalidArgumentError(`want a whole number from ${min} to ${max}.`);
    return n;
  };

/** One after another; commander hands over what came before, the default first. */
export const wholeNumbers = (min: number, max: number) => {
  const given: number[] = [];
  return (text: string): number[] => {
    given.push(wholeNumber(min, max)(text));
    return given;
  };
};
