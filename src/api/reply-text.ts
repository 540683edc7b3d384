import { stringify } from "yaml";

/** As the original writes it: with its indent and newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`;

/**
 * Readers of YAML 1.1, as PyYAML is, take a bare `no` for false, a bare moment for a date, and some MAC addresses for a number: such texts
 * are quoted.
 */
export const YAML_TEXT = { compat: "yaml-1.1" } as const;

/** A thing that is shown twice is written twice: what reads aliases may not be what reads this. */
export const yamlText = (value: unknown): string =>
  stringify(value, { ...YAML_TEXT, directives: true, aliasDuplicateObjects: false });
