/**
 * On which storage a disk is, by nothing but its name: for who cannot look at the machine that has it. The folder that holds the file, or, of one that is no
 * file of a host ("pool/image"), what its name begins with. Null where it has no such part. Pure.
 */
export function storageNamedIn(disk: string): string | null {
  const at = disk.lastIndexOf("/");
  if (at < 0) return null;
  return at === 0 ? "/" : disk.slice(0, at);
}

/** Of these the same files are seen from several machines, so the storage is named by where it is and not by where it is mounted. */
const OF_A_NETWORK = /^(nfs4?|cifs|smb3|ceph|9p|lustre|fuse\.(glusterfs|sshfs|ceph))$/;

/**
 * On which storage a file is, by /proc/PID/mountinfo (proc_pid_mountinfo(5)) of a process that has it open: the folder at which a file system of its
 * host is mounted, or the name of one that several hosts may have, as its mount has it ("nfs1:/export"). Null where the text names none. Pure.
 */
export function storageOf(mountinfo: string, file: string): string | null {
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [own, ofType] = line.split(" - ");
    const [at, [type, source]] = [own?.split(" ")[4], ofType?.split(" ") ?? []];
    return at === undefined || type === undefined || source === undefined ? [] : [{ at: plain(at), type, source: plain(source) }];
  });
  // Of two at the same place the later one lies over the other.
  const over = mounts.findLast(({ at }) => at === longest(mounts, file));
  if (over === undefined) return null;
  return OF_A_NETWORK.test(over.type) ? over.source : over.at;
}

function longest(mounts: readonly { readonly at: string }[], file: string): string | undefined {
  const holds = mounts.map((m) => m.at).filter((at) => at === "/" || file === at || file.startsWith(`${at}/`));
  return holds.toSorted((a, b) => b.length - a.length)[0];
}

/** Blanks, tabs, ends of lines and backslashes are written as three octal digits. */
const plain = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
