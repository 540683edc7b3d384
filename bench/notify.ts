import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import type { Alarm } from "../src/model/mano-event.ts";
import { readAlarm } from "../src/store/mano-records.ts";
import type { ManoTables } from "../src/store/mano-schema.ts";
import { openToRead } from "../src/store/open.ts";
import { Receiver } from "../test/harness/receiver.ts";
import { example, Rig, until } from "../test/mano/rig.ts";
import { keepLine } from "./kept.ts";

/** What issue 5 asks for. */
const LIMIT_MS = 20;
const WARM_UP = 5;
const MEMBER = "media-relay-a";

/**
 * From the VIM's word that a server ended to the alarm at a subscriber of `/nsfm/v1`, and whether it was on the disk by then: the MANO as it
 * runs, over a VIM of a few lines, with a receiver in this process.
 */
export async function benchNotify({ root, runs }: { readonly root: string; readonly runs: number }): Promise<number> {
  const times: number[] = [];
  let early = 0;
  await using rig = await Rig.start();
  await using receiver = await Receiver.start();
  await rig.deploy(example("media-relay.yaml").replace(/wait_to_restore_ms: \d+/, "wait_to_restore_ms: 0"));
  await subscribe(rig, receiver.url);
  await using store = await openToRead<ManoTables>(join(rig.dir, "mano.db"));
  for (let n = 0; n < runs + WARM_UP; n++) {
    const { alarm, tookMs } = await failOnce(rig, receiver);
    if (n >= WARM_UP) times.push(tookMs);
    if ((await readAlarm(store, alarm.id)) === null) early++;
  }
  const spread = spreadOf(times)!;
  console.log(
    table(["ms, fault → alarm at a subscriber", "p50", "p99", "max"], [["", ms(spread.p50), ms(spread.p99), ms(spread.max)]]),
  );
  console.log(early === 0 ? "each was on the disk before it was told" : `${early} were told before they were on the disk`);
  keepLine(root, "notify", { runs, early, ...spread });
  return spread.p99 <= LIMIT_MS && early === 0 ? 0 : 1;
}

async function subscribe(rig: Rig, callbackUri: string): Promise<void> {
  const res = await fetch(`${rig.url}/nsfm/v1/subscriptions`, {
    method: "POST",
    headers: { version: "1.3.0", "content-type": "application/json" },
    body: JSON.stringify({ callbackUri, filter: { probableCauses: ["VNFC_DOWN"] } }),
  });
  if (res.status !== 201) throw new Error(`not subscribed: ${await res.text()}`);
}

/** A member fails and is up again, and all of it was told. */
async function failOnce(rig: Rig, receiver: Receiver): Promise<{ alarm: Pick<Alarm, "id">; tookMs: number }> {
  const had = receiver.requests.length;
  const told = Promise.withResolvers<{ alarm: Alarm; atMs: number }>();
  receiver.reply = ({ text }) => {
    const { alarm } = text === "" ? {} : JSON.parse(text);
    if (alarm) told.resolve({ alarm, atMs: systemClock.now() });
    return { status: 204 };
  };
  const fromMs = systemClock.now();
  rig.vim.down(MEMBER);
  const { alarm, atMs } = await told.promise;
  rig.vim.up(MEMBER);
  await until("told of both", () => receiver.requests.length >= had + 2);
  await until("all well", async () => (await rig.alarms()).length === 0);
  return { alarm, tookMs: atMs - fromMs };
}
