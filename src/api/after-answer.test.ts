import { type AddressInfo, connect } from "node:net";
import fastify from "fastify";
import { afterEach, expect, test } from "vitest";
import { afterAnswer } from "./after-answer.ts";

const app = fastify();
const told: string[] = [];
const begun = Promise.withResolvers<void>();
const gone = Promise.withResolvers<void>();
afterAnswer(app, ({ url }, { statusCode }) => void told.push(`${url} ${statusCode}`));
app.post("/slow", async (_request, reply) => {
  begun.resolve();
  await gone.promise;
  return reply.code(201).send("made");
});
app.post("/quick", async (_request, reply) => reply.code(202).send("taken"));
afterEach(() => app.close());

test("each request is told once: an answer that was taken, and one that nobody waited for", async () => {
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  app.server.once("connection", (socket) => socket.once("close", () => gone.resolve()));
  const hasty = connect(port, "127.0.0.1");
  hasty.write("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
  await begun.promise;
  hasty.destroy();
  await expect.poll(() => told, { timeout: 20_000 }).toEqual(["/slow 201"]);
  expect((await fetch(`${url}/quick`, { method: "POST" })).status).toBe(202);
  await expect.poll(() => told, { timeout: 20_000 }).toEqual(["/slow 201", "/quick 202"]);
});
