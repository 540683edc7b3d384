import type { DetectionClass, Instances, Maintenance, ProtectionWish, VnfcBlueprint } from "../model/blueprint.ts";
import type { Scheme, Standby } from "../model/protection.ts";
import { asWritten, type Spot } from "./spot.ts";
import { ticksMs, timeMs } from "./units.ts";

// What several forms write in the same words: the extensions for protection, and numbers of instances.

/** ETSI NFV-MAN 001's two, and ours. */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  ActiveActive: "ACTIVE_ACTIVE",
  ActivePassive: "ACTIVE_PASSIVE",
  Duplicated: "DUPLICATED",
  NPlusM: "N_PLUS_M",
};
const DETECTION_CLASSES: Readonly<Record<string, DetectionClass>> = {
  fast: "fast",
  standard: "standard",
  relaxed: "relaxed",
  none: "none",
};
const STANDBYS: Readonly<Record<string, Standby>> = { hot: "hot", warm: "warm" };

/** Keys of a VDU that are ours. */
export const VDU_EXTENSIONS = ["high-availability", "service-connection-point", "protection", "vnfc"] as const;
const PROTECTION_KEYS = ["revertive", "hold-off", "wait-to-restore", "detection-class", "service-availability-level"];

/** The extensions of a VDU, or those that OpenMANO's `vnf:` has (then with `_` or `-`). */
export function wishOf(vdu: Spot): ProtectionWish {
  const either = (key: string) => vdu.first(key, key.replaceAll("-", "_"));
  const protection = either("protection");
  if (protection.isThere) protection.object("revertive, hold-off, wait-to-restore, detection-class").only(PROTECTION_KEYS);
  const service = vdu.first("service-connection-point", "service_connection_point", "service-interface", "service_interface");
  return {
    scheme: either("high-availability").word(SCHEMES, "the scheme"),
    serviceCp: service.isThere ? service.text("the id of a connection point of this VDU") : null,
    revertive: protection.get("revertive").flag("does traffic return to its normal member"),
    holdOffMs: timeMs(protection.get("hold-off"), "how long a failure must last"),
    waitToRestoreMs: timeMs(protection.get("wait-to-restore"), "how long a member must be well before traffic returns"),
    detection: protection.get("detection-class").word(DETECTION_CLASSES, "a detection class"),
    level: levelOf(protection.get("service-availability-level")),
  };
}

/** 1 to 3, or the `level-1` of older SOL006. */
export function levelOf(spot: Spot): 1 | 2 | 3 | null {
  if (!spot.isThere) return null;
  const text = asWritten(spot.value).replace(/^level-/i, "");
  if (text === "1" || text === "2" || text === "3") return Number(text) as 1 | 2 | 3;
  spot.refuse(`${JSON.stringify(spot.value)} is no service availability level`, "write 1 (highest), 2 or 3 (ETSI NFV-REL 001)");
  return null;
}

export function vnfcsOf(vdu: Spot): VnfcBlueprint[] {
  return vdu
    .get("vnfc")
    .items("VNFCs with id and perhaps kernel-cmdline, standby")
    .map((spot) => {
      spot.object("a VNFC").only(["id", "kernel-cmdline", "standby"]);
      return {
        id: spot.get("id").name("a name for the VNFC", 23),
        standby: spot.get("standby").word(STANDBYS, "the standby type"),
        kernelCmdline: spot.get("kernel-cmdline").isThere
          ? spot.get("kernel-cmdline").words("words for the kernel's command line")
          : null,
        dataNet: null,
        at: spot.at,
      };
    });
}

const INSTANCES_MAX = 64;

/** `min` and `max` default to one, as SOL006 has it; `initial` is at least `min`. */
export function instancesOf(min: Spot, max: Spot, initial: Spot): Instances {
  const least = min.whole(0, INSTANCES_MAX, "the least number of instances") ?? 1;
  const most = max.whole(1, INSTANCES_MAX, "the greatest number of instances") ?? Math.max(1, least);
  if (least > most) min.refuse(`${least} is more than the greatest number, ${most}`, `write at most ${most}`);
  const first = initial.whole(0, INSTANCES_MAX, "the number of instances at first") ?? least;
  if (first < least || first > most)
    initial.refuse(`${first} is outside ${least}..${most}`, "write a number inside the profile's");
  return { min: least, max: most, initial: Math.max(first, 1) };
}

/** IFA 011 7.1.8.17. Of sizes of groups, that of all; else the only one. */
export function maintenanceOf(spot: Spot, group: number): Maintenance | null {
  if (!spot.isThere) return null;
  spot.object("NfviMaintenanceInfo");
  const ofGroup = (list: string, leaf: string): number | null => {
    const rows = spot.get(list).items("numbers by size of group");
    const row = rows.find((r) => Number(r.get("group-size").value) === group) ?? (rows.length === 1 ? rows[0] : undefined);
    return row?.get(leaf).whole(0, INSTANCES_MAX, "a number of instances") ?? null;
  };
  return {
    maxInterruptionMs: ticksMs(spot.get("max-undetectable-interruption-time"), "the longest interruption that is no failure"),
    recoveryMs: ticksMs(spot.get("min-recovery-time-between-impacts"), "the time to recover between two impacts"),
    maxImpacted: ofGroup("max-number-of-impacted-instances", "max-number-of-impacted-instances"),
    minPreserved: ofGroup("min-number-of-preserved-instances", "min-number-of-preserved-instances"),
  };
}
