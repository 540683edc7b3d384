import type { CloudConfig } from "../model/cloud-config.ts";

/** As our VIM takes it at `cloud_config` of a server: in the words of OpenMANO's boot-data. What is not said is left out. */
export function cloudConfigOut({ keyPairs, users, userData, configFiles }: CloudConfig): object {
  return {
    ...(keyPairs.length > 0 && { "key-pairs": keyPairs }),
    ...(users.length > 0 && {
      users: users.map((u) => ({
        name: u.name,
        ...(u.userInfo !== null && { "user-info": u.userInfo }),
        ...(u.keyPairs.length > 0 && { "key-pairs": u.keyPairs }),
      })),
    }),
    ...(userData.length > 0 && { "user-data": userData }),
    ...(configFiles.length > 0 && {
      "config-files": configFiles.map(({ dest, content, encoding, permissions, owner }) => ({
        ...{ dest, content },
        ...(encoding !== null && { encoding }),
        ...(permissions !== null && { permissions }),
        ...(owner !== null && { owner }),
      })),
    }),
  };
}
