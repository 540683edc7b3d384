import { stringify } from "yaml";

/** As the original writes it: with its indent and newline. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 4)}\n`;

/** A thing that is shown twice is written twice: what reads aliases may not be what reads this. */
export const yamlText = (value: unknown): string => stringify(value, { directives: true, aliasDuplicateObjects: false });
