import { systemClock } from "../src/lib/clock.ts";
import { Receiver } from "../test/harness/receiver.ts";
import { until } from "../test/mano/rig.ts";
import { type NsBed, serversOf } from "./ns-bed.ts";

/** So long at most from the end of a failure until the next, so that it comes at any moment of what the MANO does by itself. */
const APART_MAX_MS = 500;
const WARM_UP = 3;

/** Milliseconds from the VIM's word that a member's server ended. */
export interface FailoverTimes {
  /** Until the VIM was asked to lead the member's traffic to its twin; where the plan that lies armed there did that, until it was given the next plan. */
  readonly acted: number[];
  /** Until a subscriber of `/nsfm/v1` had the alarm, which is on the disk by then. */
  readonly alarm: number[];
}

/** One MANO that is failed, with who is told. */
export interface Side {
  readonly bed: NsBed;
  readonly receiver: Receiver;
  /** The next one of its network services that fails. */
  readonly next: () => string;
}

export async function sideOf(bed: NsBed, names: readonly string[]): Promise<Side> {
  const receiver = await Receiver.start();
  const subscription = { callbackUri: receiver.url, filter: { probableCauses: ["VNFC_DOWN"] } };
  await bed.ask("POST", "/nsfm/v1/subscriptions", JSON.stringify(subscription));
  let nth = 0;
  // Of so many each time another: what was used last is not what is needed next.
  return { bed, receiver, next: () => names[(nth++ * 617) % names.length]! };
}

/**
 * The same failures in several MANOs in turn. `isArmed`: the VIM carries out the plan that lies armed in it, and tells that with the failure; else
 * it does not, and the MANO commands.
 */
export async function failInTurn(sides: readonly Side[], runs: number, isArmed: boolean): Promise<FailoverTimes[]> {
  const times = sides.map((): FailoverTimes => ({ acted: [], alarm: [] }));
  for (let n = -WARM_UP; n < runs; n++)
    for (const [i, side] of sides.entries()) {
      await systemClock.sleep(Math.random() * APART_MAX_MS);
      const { acted, alarm } = await failOnce(side, isArmed);
      if (n < 0) continue;
      times[i]!.acted.push(acted);
      times[i]!.alarm.push(alarm);
    }
  return times;
}

/** A member fails and is up again, and all is as it was before. */
async function failOnce({ bed, receiver, next }: Side, isArmed: boolean): Promise<{ acted: number; alarm: number }> {
  const { vim } = bed;
  const name = next();
  const [member] = serversOf(name);
  const had = receiver.requests.length;
  const told = Promise.withResolvers<number>();
  receiver.reply = ({ text }) => {
    if (text.includes(`"AlarmNotification"`)) told.resolve(systemClock.now());
    return { status: 204 };
  };
  const acted = Promise.withResolvers<number>();
  const isMove = (path: string) => (isArmed ? path.startsWith("/openvim/protections/") : path.startsWith("/openvim/networks/"));
  vim.asks = (method, path) => void (method === "PUT" && isMove(path) && acted.resolve(systemClock.now()));
  const fromMs = systemClock.now();
  const fired = isArmed ? vim.fire(member) : null;
  vim.down(member);
  if (fired) vim.tellFired(fired);
  const [actedMs, alarmMs] = await Promise.all([acted.promise, told.promise]);
  vim.up(member);
  await until("told of both", () => receiver.requests.length >= had + 2);
  await until("it can fail over again", async () => {
    const { isReady } = (await bed.ask("GET", `/mano/v1/protection_groups/${name}-relay`)) as { isReady: boolean };
    if (!isReady) await systemClock.sleep(50);
    return isReady;
  });
  return { acted: actedMs - fromMs, alarm: alarmMs - fromMs };
}
