/** What processes find in their environment. */

/**
 * The environment of the supervisor: this process's, without what makes Node take the supervisor for a part of the test
 * run.
 */
export function supervisorEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}

/** The environment of a child: PATH, TMPDIR and a HOME of its own, and what is added; `undefined` takes one away. */
export function childEnvironment(
  home: string,
  added: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const all = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], HOME: home, ...added };
  return Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
