import type { ManoDoors } from "../api/mano/doors.ts";
import { Fault } from "../lib/fault.ts";
import type { Guard } from "../mano/guard.ts";
import type { ImageHandout } from "../mano/image-handout.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import type { Packages } from "../mano/packages.ts";
import type { Requests } from "../mano/requests.ts";
import type { Scope } from "../mano/scope.ts";
import type { SolSubscriptions } from "../mano/sol-subscriptions.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import { readIncident, readIncidents } from "../store/mano-incidents.ts";
import { readFailover, readFailovers } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { ownNs, wishOf } from "./mano-lcm.ts";
import { alarmsAsked } from "./mano-notify.ts";

export interface DoorParts {
  readonly nfvo: Nfvo;
  readonly requests: Requests;
  readonly packages: Packages;
  readonly subscriptions: SolSubscriptions;
  readonly images: ImageHandout;
  readonly db: ManoStore;
  /** Of who asks. */
  readonly scope: Scope;
}

/** What our own API goes through. */
export function manoDoors({ nfvo, requests, packages, subscriptions, images, db, scope }: DoorParts): ManoDoors {
  const viewOf = (guard: Guard) => nfvo.viewOf(guard);
  const own = (id: string) => ownNs(nfvo, scope, id);
  const ofAll = scope.tenant === null;
  const guardOf = (id: string): Guard => {
    if (ofAll) return nfvo.guardOf(id);
    const found = nfvo.reaction.guards.find(({ group }) => (group.id === id || group.name === id) && scope.owns(group.nsId));
    return found ?? missing("protection group", id, "/mano/v1/protection_groups");
  };
  const descriptor = async (id: string) => {
    if (!scope.sees(id)) return missing("descriptor", id, "/mano/v1/descriptors");
    if (ofAll) return nfvo.catalogue.get(id);
    const found = (await nfvo.catalogue.all()).find((d) => d.id === id);
    return found ?? missing("descriptor", id, "/mano/v1/descriptors");
  };
  return {
    events: eventsOf(nfvo, scope),
    changed: (what) => nfvo.stream.push({ type: "api.changed", ...what }),
    refused: (what) => nfvo.stream.push({ type: "api.refused", ...what }),
    image: (capability) => images.open(capability),
    onboard: (file) => packages.onboard(typeof file === "string" ? Buffer.from(file) : file, scope.tenant),
    listDescriptors: async () => (await nfvo.catalogue.all()).filter((d) => scope.sees(d.id)),
    getDescriptor: descriptor,
    deleteDescriptor: async (id) => {
      const found = await descriptor(id);
      if (scope.owns(id)) return packages.removeDescriptor(found);
      throw new Fault("FORBIDDEN", `${id} is for all tenants to use: only who is of none may delete it`, { id });
    },
    listNs: () => requests.listNs().filter((ns) => scope.owns(ns.id)),
    getNs: (id) => requests.getNs(own(id)),
    createNs: (wish) => requests.createNs({ ...wish, ...wishOf(scope) }),
    instantiate: async (id) => requests.instantiate(own(id)),
    terminate: async (id) => requests.terminate(own(id)),
    deleteNs: async (id) => requests.deleteNs(own(id)),
    listAlarms: (limit) => alarmsAsked(nfvo, db, scope, { behind: null, limit }),
    listSubscriptions: () => subscriptions.list(null, scope.tenant),
    listFailovers: async (limit) => {
      await nfvo.writes.flush();
      return readFailovers(db, limit, scope.tenant);
    },
    // What failed together may be of several tenants.
    listIncidents: async (limit) => {
      await nfvo.writes.flush();
      return ofAll ? readIncidents(db, limit) : [];
    },
    getIncident: async (id) => {
      await nfvo.writes.flush();
      return (ofAll ? await readIncident(db, id) : null) ?? missing("incident", id, "/mano/v1/incidents");
    },
    getFailover: async (id) => {
      await nfvo.writes.flush();
      const found = await readFailover(db, id);
      return found && scope.owns(found.nsId) ? found : missing("failover", id, "/mano/v1/failovers");
    },
    listGroups: () => nfvo.reaction.guards.filter((g) => scope.owns(g.group.nsId)).map(viewOf),
    getGroup: (id) => viewOf(guardOf(id)),
    command: async (id, wish, by) => nfvo.commands.give(guardOf(id).group.id, wish, by),
    // Where files with secrets are is nothing for tenants.
    listVims: () =>
      ofAll ? requests.listVims() : requests.listVims().flatMap(({ access: _, ...vim }) => (scope.sees(vim.id) ? [vim] : [])),
    addVim: (wish) => requests.addVim(wish),
  };
}

function missing(kind: string, id: string, list: string): never {
  throw new Fault("NOT_FOUND", `there is no ${kind} ${id}; GET ${list} lists them`, { id });
}

/** Of all that happens what a tenant may hear of. */
function eventsOf({ stream }: Nfvo, scope: Scope): ManoDoors["events"] {
  if (scope.tenant === null) return stream;
  return {
    get lastSeq() {
      return stream.lastSeq;
    },
    subscribe: (listener) => stream.subscribe((event) => scope.hears(event) && listener(event)),
    since: async (seq, limit) => {
      const heard: ManoEvent[] = [];
      for (let at = seq; ; ) {
        const page = await stream.since(at, limit);
        heard.push(...page.filter((e) => scope.hears(e)));
        if (page.length < limit || heard.length >= limit) return heard.slice(0, limit); // Fewer than asked for means the end.
        at = page.at(-1)!.seq;
      }
    },
  };
}
