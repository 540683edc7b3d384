import { Type } from "typebox";

/** What is over is kept so long, and so many of each kind of record, whichever ends first (decision 0101). */
export const retention = Type.Object(
  {
    days: Type.Integer({ minimum: 1, maximum: 36_500, default: 365, description: "days, 1..36500" }),
    records: Type.Integer({
      minimum: 100,
      maximum: 10_000_000,
      default: 50_000,
      description: "records of each kind, 100..10000000",
    }),
  },
  { additionalProperties: false, default: {}, description: "an object with days and records" },
);
