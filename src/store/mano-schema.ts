import type { Generated, Kysely } from "kysely";
import type { SubscriptionRow } from "./subscriptions.ts";
import type { TokenRow } from "./tokens.ts";

/** Rows of sql/mano/, as SQLite holds them. */
export interface VimAccountRow {
  id: string;
  name: string;
  url: string;
  admin_url: string;
  tenant: string;
  access_json: string | null;
  cursor: number | null;
  created_at: string;
}

export interface DescriptorRow {
  id: string;
  kind: "vnfd" | "nsd";
  ref: string;
  version: string;
  name: string;
  vnfd_id: string | null;
  body: string;
  created_at: string;
}

export interface PackageRow {
  id: string;
  kind: string;
  onboarding: string;
  body: string;
  created_at: string;
  modified_at: string;
}

export interface OwnerRow {
  id: string;
  tenant_id: string;
}

export interface PmReportRow {
  seq: Generated<number>;
  id: string;
  task_id: string;
  ready_at: string | null;
}

export interface PmCollectionRow {
  report_id: string;
  nr: number;
  body: string;
}

export interface PmCrossingRow {
  task_id: string;
  body: string;
}

export interface NsRow {
  id: string;
  name: string;
  description: string;
  nsd_id: string;
  vim_account_id: string;
  vim_accounts: string;
  state: string;
  detail: string | null;
  created_at: string;
  modified_at: string;
  sole_vnf: string | null;
}

export interface OwnDescriptorsRow {
  ns_id: string;
  nsd: string;
  vnfd: string;
  formerly: string | null;
}

export interface VnfcRow {
  id: string;
  ns_id: string;
  name: string;
  vdu: string;
  server_name: string;
  vim_server_id: string;
  vim_account_id: string | null;
  high_availability: string | null;
  replicated: string | null;
  service_interface: string | null;
  status: string;
  previous_status: string | null;
  error_msg: string | null;
  created_at: string;
  modified_at: string;
  rests_since: string | null;
  made_from: string | null;
}

export interface VnfSnapshotRow {
  id: string;
  created_at: string;
  is_going: Generated<number>;
  body: string;
}

export interface StitchRow {
  id: string;
  ns_id: string;
  link: string;
  vlan: number;
  body: string;
}

export interface ProtectionGroupRow {
  id: string;
  ns_id: string;
  body: string;
}

export interface FailoverRow {
  id: string;
  group_id: string;
  state: string;
  opened_at: string;
  closed_at: string | null;
  tenant_id: string | null;
  body: string;
}

export interface IncidentRow {
  id: string;
  state: string;
  opened_at: string;
  body: string;
}

export interface AlarmRow {
  id: string;
  managed_object_id: string;
  probable_cause: string;
  raised_at: string;
  cleared_at: string | null;
  tenant_id: string | null;
  body: string;
}

export interface JournalRow {
  seq: number;
  body: string;
}

export interface ProtectionCommandRow {
  id: string;
  group_id: string;
  kind: string;
  target: string | null;
  traffic_nets: string | null;
  given_at: string;
  given_by: string;
  ended_at: string | null;
  ended_because: string | null;
}

export interface SagaRow {
  vnfc_id: string;
  kind: string;
  body: string;
}

export interface HealCourseRow {
  vnfc_id: string;
  body: string;
}

/** Of OpenMANO's nouns: what is looked for and referred to, and the whole as JSON. */
export interface OpenmanoRow {
  uuid: string;
  name: string;
  body: string;
}

export interface OpenmanoAttachmentRow {
  uuid: string;
  tenant_id: string;
  datacenter_id: string;
  body: string;
}

export interface OpenmanoActionRow {
  uuid: string;
  tenant_id: string;
  instance_id: string;
  body: string;
}

export interface OpenmanoVnfUseRow {
  vnf_id: string;
  scenario_id: string | null;
  instance_id: string | null;
}

/** SQLite's own number of a row: rows of one table in the order in which they were made. */
interface Ordered {
  rowid: Generated<number>;
}

export interface VnfInstanceRow {
  id: string;
  ns_id: string;
  seq: number;
  body: string;
}

export interface OccurrenceRow {
  id: string;
  ns_id: string;
  state: string;
  started_at: string;
  is_of_sole_vnf: Generated<number>;
  tenant_id: string | null;
  body: string;
}

export interface RunningRow {
  day: number;
  lived_ms: number;
  ahead_ms: number;
}

export interface UntoldRow {
  id: string;
  body: string;
}

export interface VnfOccurrenceRow {
  id: string;
  vnf_id: string;
  occurrence_id: string;
}

export interface ManoTables {
  vim_account: VimAccountRow;
  descriptor: DescriptorRow;
  package: PackageRow;
  ns: NsRow;
  own_descriptors: OwnDescriptorsRow;
  vnfc: VnfcRow;
  stitch: StitchRow;
  protection_group: ProtectionGroupRow;
  failover: FailoverRow;
  incident: IncidentRow;
  alarm: AlarmRow;
  journal: JournalRow;
  protection_command: ProtectionCommandRow;
  saga: SagaRow;
  heal_course: HealCourseRow;
  vnf_instance: VnfInstanceRow;
  vnf_snapshot: VnfSnapshotRow;
  occurrence: OccurrenceRow;
  vnf_occurrence: VnfOccurrenceRow;
  tokens: TokenRow;
  subscriptions: SubscriptionRow;
  owner: OwnerRow;
  pm_task: SubscriptionRow;
  pm_report: PmReportRow;
  pm_collection: PmCollectionRow;
  pm_journal: JournalRow;
  pm_crossing: PmCrossingRow;
  openmano_tenant: OpenmanoRow & Ordered;
  openmano_datacenter: OpenmanoRow & Ordered;
  openmano_attachment: OpenmanoAttachmentRow & Ordered;
  openmano_netmap: OpenmanoRow & { datacenter_id: string } & Ordered;
  openmano_vnf: OpenmanoRow & { tenant_id: string } & Ordered;
  openmano_scenario: OpenmanoRow & { tenant_id: string } & Ordered;
  openmano_instance: OpenmanoRow & { tenant_id: string; attachment_id: string } & Ordered;
  openmano_vnf_use: OpenmanoVnfUseRow;
  openmano_action: OpenmanoActionRow & Ordered;
  untold: UntoldRow & Ordered;
  running: RunningRow;
  openmano_sdn_controller: OpenmanoRow & { tenant_id: string } & Ordered;
}

export type ManoStore = Kysely<ManoTables>;
