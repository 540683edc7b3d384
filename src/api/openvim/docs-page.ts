import type { OpenApi, Operation } from "./openapi.ts";

// The document as a page that needs nothing from elsewhere: no script, no font, no network.

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
  h2 { margin-top: 2.5rem; border-bottom: 1px solid #ccc; text-transform: capitalize }
  details { border: 1px solid #ddd; border-radius: 4px; margin: .4rem 0; padding: .3rem .7rem }
  summary { cursor: pointer } summary b { display: inline-block; width: 4.5rem }
  code, pre { font: 13px/1.45 ui-monospace, monospace } pre { overflow-x: auto; background: #f5f5f5; padding: .6rem }
  table { border-collapse: collapse } td, th { text-align: left; padding: .1rem .8rem .1rem 0; vertical-align: top }
  .get { color: #0b6 } .post { color: #06c } .put { color: #b60 } .delete { color: #c22 }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } pre { background: #222 } details, h2 { border-color: #444 } }`;

export function docsPage(api: OpenApi): string {
  const groups = api.tags.map(({ name }) => groupText(name, api));
  const index = api.tags.map(({ name }) => `<a href="#${escaped(name)}">${escaped(name)}</a>`).join(" · ");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(api.info.title)}</title><style>${STYLE}</style></head><body>
<h1>${escaped(api.info.title)} <small>${escaped(api.info.version)}</small></h1>
<p>${escaped(api.info.description)}</p>
<p>Below <code>${escaped(api.servers[0]?.url ?? "")}</code>; as a document: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
<p>${index}</p>
${groups.join("\n")}
<h2 id="schemas">schemas</h2>
${Object.entries(api.components.schemas)
  .map(([name, schema]) => schemaText(name, schema))
  .join("\n")}
</body></html>
`;
}

function groupText(tag: string, api: OpenApi): string {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => operationText(method, path, operation)),
  );
  return `<h2 id="${escaped(tag)}">${escaped(tag)}</h2>\n${operations.join("\n")}`;
}

function operationText(method: string, path: string, operation: Operation): string {
  const body = operation.requestBody?.content["application/json"]?.schema;
  const [answer] = Object.values(operation.responses["200"]?.content ?? {});
  const failures = Object.entries(operation.responses).filter(([code]) => code !== "200");
  return `<details><summary><b class="${method}">${method.toUpperCase()}</b> <code>${escaped(path)}</code> ${escaped(operation.summary)}</summary>
${operation.description === undefined ? "" : `<p>${escaped(operation.description)}</p>`}
${roleText(operation)}
${parametersText(operation)}
${body === undefined ? "" : `<p>takes</p>${json(body)}`}
${answer === undefined ? "" : `<p>answers</p>${json(answer.schema)}`}
<table>${failures.map(([code, { description }]) => `<tr><td>${code}</td><td>${escaped(description)}</td></tr>`).join("")}</table>
</details>`;
}

/** The same role stands at each scheme. */
function roleText({ security }: Operation): string {
  const [role] = security.flatMap((s) => Object.values(s).flat());
  if (role === undefined) return "<p>for everybody</p>";
  const isOpen = security.some((s) => Object.keys(s).length === 0);
  return `<p>${isOpen ? "where tokens are asked for, needs one" : "needs a token"} with the role <b>${escaped(role)}</b></p>`;
}

function parametersText({ parameters = [] }: Operation): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(
    (p) => `<tr><td><code>${escaped(p.name)}</code></td><td>${p.in}</td><td>${escaped(p.description ?? "")}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

const schemaText = (name: string, schema: object): string =>
  `<details id="${escaped(name)}"><summary><code>${escaped(name)}</code></summary>${json(schema)}</details>`;

/** Names of schemas lead to them. */
const json = (value: object): string =>
  `<pre>${escaped(JSON.stringify(value, null, 2)).replaceAll(
    /&quot;#\/components\/schemas\/(\w+)&quot;/g,
    '<a href="#$1">&quot;$1&quot;</a>',
  )}</pre>`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c]!);
