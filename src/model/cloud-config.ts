// What cloud-init in a guest is told at its first boot; the members are those of OpenMANO's boot-data.

export interface CloudConfig {
  /** Public SSH keys of the image's own user. */
  readonly keyPairs: readonly string[];
  readonly users: readonly CloudUser[];
  /** Whole documents for cloud-init ("#cloud-config", "#!/bin/sh", …), beside what the other members say. */
  readonly userData: readonly string[];
  readonly configFiles: readonly ConfigFile[];
}

export interface CloudUser {
  readonly name: string;
  readonly userInfo: string | null;
  readonly keyPairs: readonly string[];
}

export interface ConfigFile {
  readonly dest: string;
  readonly content: string;
  /** As cloud-init's `write_files`: b64, gz, gz+b64; null: plain text. */
  readonly encoding: string | null;
  /** Octal, such as "0644". */
  readonly permissions: string | null;
  /** `user:group`. */
  readonly owner: string | null;
}
