import { ConnectionTurns, type ConnectionTurnsParts } from "./connection-turns.ts";
import { Reconnector, type ReconnectorParts } from "./reconnector.ts";
import { ReshapeTurns, type ReshapeTurnsParts } from "./reshape-turns.ts";
import { ScaleTurns, type ScaleTurnsParts } from "./scale-turns.ts";
import { Scaler, type ScalerParts } from "./scaler.ts";
import { TakingIn, type TakingInParts } from "./taking-in.ts";
import { Turnover, type TurnoverParts } from "./turnover.ts";

export type TurnsParts = ConnectionTurnsParts &
  ReshapeTurnsParts &
  ReconnectorParts &
  ScaleTurnsParts &
  TakingInParts &
  Omit<ScalerParts, "turnover"> &
  TurnoverParts;

/** What turns an NS that runs to what is asked for and back, and what makes it so. */
export interface Turns {
  readonly scaler: Scaler;
  readonly scaleTurns: ScaleTurns;
  readonly reshapeTurns: ReshapeTurns;
  readonly reconnector: Reconnector;
  readonly connectionTurns: ConnectionTurns;
  readonly takingIn: TakingIn;
}

export function turnsOf(parts: TurnsParts): Turns {
  return {
    scaler: new Scaler({ ...parts, turnover: new Turnover(parts) }),
    scaleTurns: new ScaleTurns(parts),
    reshapeTurns: new ReshapeTurns(parts),
    reconnector: new Reconnector(parts),
    connectionTurns: new ConnectionTurns(parts),
    takingIn: new TakingIn(parts),
  };
}
