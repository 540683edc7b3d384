import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import type { ControllerSecrets } from "../model/sdn-controller.ts";

interface Asking {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

/** What `fetch` gives of an answer, as far as it is looked at. */
interface Reply {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array>;
}

/** HTTPS to a controller whose certificate some authority of its own has signed, on connections that stay open. `fetch` takes no authority. */
export class ControllerHttps {
  readonly #agent: Agent;

  constructor({ caCert, clientCert, clientKey }: ControllerSecrets) {
    this.#agent = new Agent({
      keepAlive: true,
      minVersion: "TLSv1.2",
      ...(caCert !== null && { ca: caCert }),
      ...(clientCert !== null && clientKey !== null && { cert: clientCert, key: clientKey }),
    });
  }

  /** Rejects with what Node says, as the `cause` of an error, as `fetch` does. */
  async fetch(url: string, { method, headers, body, signal }: Asking): Promise<Reply> {
    const options: RequestOptions = { method, headers, agent: this.#agent, signal };
    const asked = request(url, options);
    const answered = once(asked, "response") as Promise<[IncomingMessage]>;
    asked.on("error", () => {}); // Heard below; and after the answer by whoever reads it.
    asked.end(body ?? undefined);
    const [reply] = await answered.catch((cause: unknown) => {
      throw signal.aborted ? signal.reason : new Error((cause as Error).message, { cause });
    });
    const get = (name: string) => reply.headers[name] as string | undefined;
    return { status: reply.statusCode!, headers: { get: (name) => get(name) ?? null }, body: reply };
  }
}
