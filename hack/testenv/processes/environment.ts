/** The environment variables of the processes. */

/**
 * The environment of the supervisor: that of this process, without the variable that would make Node treat the supervisor
 * as part of the test run.
 */
export function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}

/** The environment of a child: PATH, TMPDIR, its own HOME, and the added variables. `undefined` removes a variable. */
export function childEnvironment(
  home: string,
  added: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const all = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], HOME: home, ...added };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
