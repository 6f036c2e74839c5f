/** The environment variables of the processes. */

/**
 * The environment of the supervisor: that of this process, without the variables that would make Node treat the supervisor
 * as part of the test run, or measure coverage of the supervisor and its children.
 */
export function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  // Node passes this variable on, except to a child whose environment has it, even as undefined.
  return { ...env, NODE_V8_COVERAGE: undefined };
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
