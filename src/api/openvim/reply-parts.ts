import { type TObject, type TSchema, Type } from "typebox";

// What answers are made of, for `replies.ts` and `replies-ours.ts`.

export const maybe = Type.Optional;
export const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
export const text = Type.String();
export const flag = Type.Boolean();
export const whole = Type.Integer();
export const ours = (description: string) => ({ description: `Ours: ${description}` });

export const uuid = Type.String({ format: "uuid" });
export const time = Type.String({
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}$",
  description: "to the second, without a zone",
});
const link = Type.Object({ href: Type.String({ format: "uri" }), rel: Type.Literal("bookmark") }, { title: "Link" });
export const links = Type.Array(link);
export const yesNo = Type.Enum(["yes", "no"]);
export const mac = Type.String({ pattern: "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$" });
export const switchDpid = Type.String({ description: "the datapath of the OpenFlow switch" });

/** `{"tenant": {…}}` and `{"tenants": [{…}]}`; in a list each member may be left out by `field=`. */
export const one = (key: string, schema: TSchema) => Type.Object({ [key]: schema });
export const many = (key: string, schema: TObject, title: string) =>
  Type.Object({ [key]: Type.Array(Type.Partial(schema, { title })) });
