import { readFileSync } from "node:fs";
import { knownOf, type Outcome } from "../descriptor/compile.ts";
import { flavourIds, nsFlavourIds } from "../descriptor/flavours.ts";
import { flawText } from "../descriptor/flaw.ts";
import { type Reading, readDescriptorFile } from "../descriptor/read.ts";
import type { VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, Vdu, Vnfd } from "../model/descriptor.ts";
import type { ProtectionPolicy } from "../model/protection.ts";
import { table } from "./table.ts";

interface Checked extends Reading {
  readonly file: string;
}

/** What to print about these files, and with which status to end: 0 all good, 1 one is wrong, 2 one cannot be read. */
export async function validate(files: readonly string[], json: boolean): Promise<{ text: string; exitCode: number }> {
  const known: VnfBlueprint[] = [];
  const checked: Checked[] = [];
  let isUnreadable = false;
  for (const file of files) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(file);
    } catch (e) {
      isUnreadable = true;
      const why =
        (e as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : String(e instanceof Error ? e.message : e);
      checked.push({
        file,
        form: "unknown",
        outcome: null,
        notes: [],
        flaws: [{ file, line: null, column: null, path: "", what: why, remedy: "name a file that can be read" }],
      });
      continue;
    }
    const reading = await readDescriptorFile(bytes, file, knownOf(known));
    known.unshift(...(reading.outcome?.descriptor.vnfds.flatMap((v) => v.blueprint ?? []) ?? []));
    checked.push({ file, ...reading });
  }
  const isGood = checked.every((c) => c.outcome !== null);
  const text = json ? JSON.stringify({ files: checked.map(forMachines) }, null, 2) : checked.map(forPeople).join("\n\n");
  return { text, exitCode: isUnreadable ? 2 : isGood ? 0 : 1 };
}

function forMachines({ file, form, outcome, flaws, notes }: Checked) {
  if (outcome === null) return { file, form, valid: false, flaws, notes };
  const { vnfds, nsds } = outcome.descriptor;
  const vnfd = vnfds.map((v) => ({ id: v.id, version: v.version, flavours: flavoursOf(v) }));
  const nsd = nsds.map((n) => ({ id: n.id, version: n.version, flavours: nsFlavourIds(n) }));
  return { file, form, valid: true, flaws, notes, vnfd, nsd, protection: groupsOf(outcome) };
}

function forPeople({ file, form, outcome, flaws, notes }: Checked): string {
  if (outcome === null) return flaws.map(flawText).join("\n");
  const { vnfds, nsds } = outcome.descriptor;
  const names = [...vnfds.map((v) => `vnfd ${v.id} ${v.version}`), ...nsds.map((n) => `nsd ${n.id} ${n.version}`)];
  const told = [
    ...notes,
    ...vnfds.flatMap((v) => noteOfSeveral(`vnfd ${v.id}`, flavoursOf(v))),
    ...nsds.flatMap((n) => noteOfSeveral(`nsd ${n.id}`, nsFlavourIds(n))),
  ];
  const groups = groupsOf(outcome);
  const head = [`${file}: good (${form}): ${names.join(", ")}`, ...told.map((n) => `note: ${n}`)].join("\n");
  if (groups.length === 0) return `${head}\nnothing in it is protected`;
  return [head, ...groups.map(groupText)].join("\n\n");
}

const flavoursOf = ({ blueprint }: Vnfd): string[] => (blueprint === undefined ? [] : flavourIds(blueprint));

/** Only the protection of the first is shown: an NS or a VNF is in that one where nobody names another. */
function noteOfSeveral(what: string, flavours: readonly string[]): string[] {
  return flavours.length < 2
    ? []
    : [`${what} has the deployment flavours ${flavours.join(", ")}; what is shown is ${flavours[0]}`];
}

interface Group {
  readonly of: string;
  readonly vdu: string;
  readonly scheme: string;
  readonly service: string;
  readonly policy: ProtectionPolicy;
  readonly members: readonly {
    readonly vnfc: string;
    readonly standby: string;
    readonly dataNet: string | null;
    readonly serves: readonly string[];
  }[];
  readonly because: readonly string[];
}

/** The protection groups that instances will have: of each NSD, or of a VNFD that no NSD of the file uses. */
function groupsOf({ descriptor, protection }: Outcome): Group[] {
  const { vnfds, nsds } = descriptor;
  const inUse = new Set(nsds.flatMap((n) => [n.vnfd, ...(n.vnfds ?? [])]));
  const reasons = (of: string, vdu: string) =>
    protection.find((p) => p.of === of)?.vdus.find((v) => v.vdu.id === vdu)?.compiled?.because ?? [];
  const of = (name: string, vdus: readonly Vdu[], nsd: Nsd | null): Group[] =>
    vdus.filter((v) => v.highAvailability !== null).map((vdu) => groupOf(name, vdu, nsd, reasons(name, vdu.id)));
  return [
    ...nsds.flatMap((n) => of(n.id, vnfds.find((v) => v.id === n.vnfd)?.vdus ?? [], n)),
    ...vnfds.filter((v) => !inUse.has(v.id)).flatMap((v) => of(v.id, v.vdus, null)),
  ];
}

function groupOf(name: string, vdu: Vdu, nsd: Nsd | null, because: readonly string[]): Group {
  const members = vdu.vnfcs.map(({ id, standby }) => {
    const member = nsd?.members.find((m) => m.vnfc === id);
    return { vnfc: id, standby, dataNet: member?.dataNet ?? null, serves: member?.trafficNets ?? [] };
  });
  const service = vdu.cps.find((c) => c.id === vdu.serviceInterface);
  const at = `${service?.id ?? "-"}${service?.ip ? ` ${service.ip}` : ""}`;
  return { of: name, vdu: vdu.id, scheme: vdu.highAvailability ?? "", service: at, policy: vdu.policy, members, because };
}

function groupText(group: Group): string {
  return [
    `${group.of}, VDU ${group.vdu}: ${group.scheme}, service at ${group.service}`,
    policyText(group.policy),
    ...(group.because.length > 0 ? [`because ${group.because.join("; ")}`] : []),
    table(
      ["member", "standby", "reached over", "serves"],
      group.members.map((m) => [m.vnfc, m.standby, m.dataNet, m.serves.join(", ") || null]),
    ),
  ].join("\n");
}

function policyText({ revertive, waitToRestoreMs, holdOffMs, probe, guestHeartbeat, traffic }: ProtectionPolicy): string {
  return [
    revertive ? `reverts after ${waitToRestoreMs} ms` : "does not revert",
    `hold-off ${holdOffMs} ms`,
    probe ? `asked every ${probe.intervalMs} ms, silent after ${probe.misses} of ${probe.of}` : "not asked in-band",
    guestHeartbeat ? `agent asked every ${guestHeartbeat.intervalMs} ms` : "agent not asked",
    ...(traffic ? [`silent when for ${traffic.silentMs} ms packets go in and none comes out`] : []),
  ].join(", ");
}
