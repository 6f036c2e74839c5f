import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type ProcessGroup } from '../processes/index.ts';

/** A user who may pull and push. */
export interface RegistryUser {
  readonly username: string;
  readonly password: string;
}

/** Path of the password file. */
export function htpasswdFile(directory: string): string {
  return join(directory, 'htpasswd');
}

/**
 * Writes the password file of one user. The registry reads the file again when its modification time changes. The file is
 * renamed into place, so that it is never incomplete.
 */
export async function writeHtpasswd(
  group: ProcessGroup,
  program: string,
  directory: string,
  { username, password }: RegistryUser,
): Promise<void> {
  const { stdout, stderr, ...exit } = await group.run(program, [username], { input: password });
  if (exit.code !== 0) throw new Error(`htpasswd ended with ${describe(exit)}: ${stderr.trim()}`);
  const fresh = `${htpasswdFile(directory)}.new`;
  await writeFile(fresh, stdout, { mode: 0o600 });
  await rename(fresh, htpasswdFile(directory));
}
