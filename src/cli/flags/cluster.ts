import { InvalidArgumentError, Option } from 'commander';
import { parseGoDuration } from '../../scan/index.ts';

/** The default of `--request-timeout`. */
const REQUEST_TIMEOUT_MS = 10_000;
/** The longest delay of a timer: about 24 days. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The values of {@link contextFlags}. */
export interface ContextFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
}

/** The values of {@link clusterFlags}. */
export interface ClusterFlags extends ContextFlags {
  readonly cluster?: string;
  readonly user?: string;
  readonly server?: string;
  readonly token?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
  /** In milliseconds. */
  readonly requestTimeout?: number;
}

/** The flags that select the kubeconfig and its context. */
export function contextFlags(): readonly Option[] {
  return [
    new Option(
      '--kubeconfig <file>',
      'kubeconfig file to use (default: KUBECONFIG, ~/.kube/config, or the service account of the pod)',
    ),
    new Option('--context <name>', 'kubeconfig context to use (default: the current context)').argParser(
      notEmpty,
    ),
  ];
}

/**
 * The flags that select the cluster and the user, with kubectl's names. They follow the command, because kubectl accepts none of
 * its own flags before the name of a plug-in.
 */
export function clusterFlags(): readonly Option[] {
  return [
    ...contextFlags(),
    new Option(
      '--cluster <name>',
      'kubeconfig cluster to use (default: the cluster of the context)',
    ).argParser(notEmpty),
    new Option('--user <name>', 'kubeconfig user to use (default: the user of the context)').argParser(
      notEmpty,
    ),
    new Option(
      '-s, --server <url>',
      'address of the API server (default: the server of the kubeconfig cluster)',
    ).argParser(notEmpty),
    new Option(
      '--token <token>',
      'bearer token for the API server, instead of the credential of the kubeconfig user',
    ).argParser(notEmpty),
    new Option('--as <name>', 'user or service account to impersonate').argParser(notEmpty),
    new Option('--as-group <name>', 'group to impersonate, together with --as; may be repeated').argParser(
      (name: string, before: readonly string[] = []) => [...before, notEmpty(name)],
    ),
    new Option('--request-timeout <duration>', 'time limit of a request to the API server; 0: none')
      .argParser(parseTimeout)
      .default(REQUEST_TIMEOUT_MS, '10s'),
  ];
}

/**
 * Refuses an empty text, as of a variable that is not set. Otherwise, `--as "$USER_TO_TRY"` would use all rights of the user. kubectl
 * ignores such a flag.
 */
function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('Expected text that is not empty; leave the flag out.');
  return text;
}

/** As with kubectl, a number without a unit is in seconds, and 0 means no limit. Returns milliseconds. */
function parseTimeout(text: string): number {
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : parseGoDuration(text);
  if (milliseconds === undefined || milliseconds < 0)
    throw new InvalidArgumentError(
      'Expected a duration such as 30s or 2m, a number of seconds, or 0 for no limit.',
    );
  return milliseconds === 0 ? LONGEST_TIMEOUT_MS : Math.min(Math.ceil(milliseconds), LONGEST_TIMEOUT_MS);
}
