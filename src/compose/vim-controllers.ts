import { isIPv6 } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { OfcId } from "../model/ids.ts";
import type { SdnController } from "../model/sdn-controller.ts";
import { portElsewhere } from "../model/switch-port-name.ts";
import { Controller } from "../switch/controller.ts";
import { onSwitchElsewhere } from "../vim/edges.ts";
import type { Vim } from "../vim/vim.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Speaks to the controllers of others that operators name, from when one is added until it is deleted. Each has a loop of its own
 * (`everyMs`: how often it compares all): one that is slow or gone holds up neither the VIM's own switch nor the others.
 */
export function openControllers(vim: Vim, everyMs: number, around: Surroundings): AsyncDisposable {
  const ended = new AbortController();
  const running = new Map<OfcId, { readonly gone: AbortController; readonly done: Promise<void> }>();
  vim.controllers.onControllers((id, controller) => {
    const before = running.get(id);
    before?.gone.abort();
    running.delete(id);
    if (controller === null) return;
    const gone = new AbortController();
    const signal = AbortSignal.any([ended.signal, gone.signal]);
    // What was asked of it as it was said before ends first: two must not lead one switch.
    const done = (before?.done ?? Promise.resolve()).then(() => speakTo(controller, signal, { vim, everyMs, ...around }));
    running.set(id, { gone, done });
  });
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all([...running.values()].map((r) => r.done));
    },
  };
}

async function speakTo(row: SdnController, signal: AbortSignal, to: Surroundings & { vim: Vim; everyMs: number }): Promise<void> {
  const { vim, everyMs, clock, log } = to;
  const { id, name, kind, version, datapath, user } = row;
  const fabric = vim.fabric.add(datapath, () => loop.wake());
  const loop = new Loop(
    clock,
    async () => void (await fabric.reconcile()),
    (err) => log.warn({ err, controller: name }, "the switch could not be compared with the picture; the next pass tries again"),
  );
  const controller = new Controller({
    ...{ name, kind, version, datapath, user, clock, log },
    url: `${row.tls === null ? "http" : "https"}://${isIPv6(row.ip) ? `[${row.ip}]` : row.ip}:${row.port}`,
    password: () => vim.controllers.passwordOf(id) ?? "",
    token: () => vim.controllers.tokenOf(id),
    tls: row.tls && { ...row.tls, clientKey: vim.controllers.keyOf(id) },
    portName: (port) => portElsewhere(port, datapath),
    tell: onSwitchElsewhere(vim, fabric, () => controller.session!),
  });
  vim.controllers.isRunning(id, controller);
  try {
    await Promise.all([controller.run(signal), loop.run(() => everyMs, signal)]);
  } finally {
    vim.controllers.isRunning(id, null);
    vim.fabric.remove(datapath);
  }
}
