import type { Child, SpawnOptions } from '../processes/index.ts';

/** A server that can be restarted on the same address. `meanwhile` runs while the server is stopped. */
export interface Server {
  readonly url: string;
  restart(meanwhile?: () => Promise<void>): Promise<void>;
}

/**
 * How the programs of a control plane run. Their data is temporary, so they are killed without a grace period.
 * A higher GOGC lets them hold more garbage, which saves CPU (https://pkg.go.dev/runtime#hdr-Environment_Variables).
 */
export const SHORT_LIVED: SpawnOptions = { graceMilliseconds: 0, env: { GOGC: '400' } };

/** @param start - starts the program; resolves when it is ready */
export async function startServer(url: string, start: () => Promise<Child>): Promise<Server> {
  let child = await start();
  return {
    url,
    restart: async (meanwhile = async () => undefined) => {
      await child.stop();
      await meanwhile();
      child = await start();
    },
  };
}
