import { expect, test } from "vitest";
import { parseFilter, passes } from "./filter.ts";

const KNOWN = ["id", "name", "weight", "parts", "metadata", "isOn", "at", "a/b"];
const THINGS = [
  {
    id: "1",
    name: "ab",
    weight: 100,
    parts: [
      { id: "p1", color: "green" },
      { id: "p2", color: "red" },
    ],
    isOn: true,
  },
  { id: "2", name: "it's, (so)", weight: 9, parts: [{ id: "p3", color: "blue" }], metadata: { site: "north" } },
  { id: "3", weight: 500, at: "2026-11-26T10:00:00+01:00", "a/b": "slash", metadata: { odd: { toString: 1, valueOf: 1 } } },
];
const found = (filter: string) => THINGS.filter((t) => passes(parseFilter(filter, KNOWN), t)).map((t) => t.id);

test.for([
  ["(eq,weight,100)", ["1"]],
  ["(eq,weight,100.0)", ["1"]],
  ["(neq,weight,100)", ["2", "3"]],
  ["(gt,weight,9)", ["1", "3"]],
  ["(gte,weight,9)", ["1", "2", "3"]],
  ["(lt,weight,100)", ["2"]],
  ["(lte,weight,100)", ["1", "2"]],
  ["(gt,weight,heavy)", []],
  ["(in,weight,9,500)", ["2", "3"]],
  ["(nin,weight,9,500)", ["1"]],
  ["(cont,name,b,z)", ["1"]],
  ["(ncont,name,b)", ["2"]],
  ["(eq,parts/color,red)", ["1"]],
  ["(in,parts/color,red,blue)", ["1", "2"]],
  ["(eq,isOn,true)", ["1"]],
  ["(eq,name,'it''s, (so)')", ["2"]],
  ["(eq,name,ab);(gt,weight,50)", ["1"]],
  ["(eq,name,ab);(gt,weight,500)", []],
  ["(eq,metadata/@key,site)", ["2"]],
  ["(eq,metadata/site,north)", ["2"]],
  ["(eq,at,2026-11-26T09:00:00Z)", ["3"]],
  ["(lt,at,2026-11-26T09:00:01Z)", ["3"]],
  ["(eq,a~1b,slash)", ["3"]],
  ["(neq,metadata/site,south)", ["2"]], // What is not there meets nothing.
  ["(eq,parts,green)", []],
  ["(cont,metadata/odd,o)", []], // An object is no text.
  ["(eq,name,'')", []],
] as const)("%s finds %j", ([filter, ids]) => {
  expect(found(filter)).toEqual(ids);
});

test.for([
  ["", /character 1: an expression begins with \(/],
  ["eq,name,ab", /character 1: an expression begins with \(/],
  ["(eq,name,ab", /character 12: the expression has no end/],
  ["(eq,name,'ab)", /character 10: the quoted value has no end/],
  ["(eq,name,a'b)", /character 11: a value with ' in it is quoted/],
  ["(eq,name,'a'b)", /character 13: want , or \)/],
  ["(eq,name,ab)(eq,name,ab)", /character 13: want ";" and another expression/],
  ["(eq,name,ab);", /character 14: an expression begins/],
  ["(is,name,ab)", /character 1: "is" is no operator; there are: eq, neq/],
  ["(eq,name)", /want \(eq,attribute,value\)/],
  ["(eq)", /want \(eq,attribute,value\)/],
  ["(eq,name,a,b)", /eq takes one value/],
  ["(eq,color,red)", /there is no attribute "color"; there are: id, name/],
  ["(eq,parts//color,red)", /"parts\/\/color" is no name of an attribute/],
] as const)("%s is refused", ([filter, why]) => {
  expect(() => parseFilter(filter, KNOWN)).toThrow(why);
});
