import { jsonText, yamlText } from "../reply-text.ts";
import { docsPage, escaped } from "./docs-page.ts";
import { openApi, type Served } from "./openapi.ts";

/** Stands where the caller's way to us will. */
const HERE = "sempre-was-reached-here";

/**
 * The document of one port, as JSON, YAML and page. Each is made once, when it is first asked for: making it takes tens of
 * milliseconds, in which nothing else would be done.
 */
export class Documents {
  readonly #port: Omit<Served, "url">;
  readonly #made = new Map<string, string>();

  constructor(port: Omit<Served, "url">) {
    this.#port = port;
  }

  json(url: string): string {
    return this.#once("json", jsonText).replace(`"${HERE}"`, () => JSON.stringify(url));
  }

  yaml(url: string): string {
    return this.#once("yaml", yamlText).replace(HERE, () => JSON.stringify(url)); // JSON is YAML.
  }

  page(url: string): string {
    return this.#once("page", docsPage).replace(HERE, () => escaped(url));
  }

  #once(form: string, make: (api: ReturnType<typeof openApi>) => string): string {
    const text = this.#made.get(form) ?? make(openApi({ ...this.#port, url: HERE }));
    this.#made.set(form, text);
    return text;
  }
}
