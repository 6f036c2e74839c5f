import { askOracle } from '../support/oracle.ts';

type OracleRequest =
  /** The first tick of a cron expression after a time in milliseconds since the epoch. */
  | { readonly schedule: string; readonly after: number }
  | { readonly duration: string }
  /** Whether a request uses a proxy. */
  | { readonly noProxy: string; readonly url: string };

/** hack/testenv/tools/oracle/go-oracle/main.go */
interface Answer {
  readonly error?: string;
  /** Milliseconds since the epoch; absent: the schedule is refused, or has no tick. */
  readonly next?: number;
  readonly nanoseconds?: string;
  readonly proxied?: boolean;
}

/** Sends requests to the Go code of other programs. Returns one answer for each, in the same order. */
export function ask(requests: readonly OracleRequest[]): Promise<readonly Answer[]> {
  return askOracle('go-oracle', requests);
}
