import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Logger, pino } from 'pino';
import type { Manager, ManagerSettings } from '../../manager/index.ts';
import { DEFAULT_SCAN_TYPES } from '../../scan/index.ts';
import { UserError } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  type DiscoveryFlags,
  discoveryFlags,
  discoveryProblem,
  discoverySettings,
  type LeaseFlags,
  leaseFlags,
  leaseProblem,
  leaseSettings,
  loadKubeConfig,
  namespacesFlag,
  parseDuration,
  type RegistryFlags,
  registryFlags,
  registrySettings,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

interface Flags extends ClusterFlags, LeaseFlags, RegistryFlags, DiscoveryFlags {
  readonly namespaces: ManagerSettings['namespaces'];
  readonly scanTypes: readonly string[];
  readonly concurrency: number;
  readonly unusedSecretGrace: number;
  readonly runsPerMinute: number;
  readonly serve: ManagerSettings['serve'];
  readonly logLevel: string;
}

/** `image-credential-binding controller`: runs until SIGTERM or SIGINT. */
export function controllerCommand(): Command {
  const command = commandWithHelp('controller', {
    notes:
      'Each flag that has an environment variable can be set by that too; a flag comes before its variable.\n' +
      'Registries are asked through the proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY.\n' +
      'The cluster is that of the flags, of KUBECONFIG, of ~/.kube/config, or the one that the pod runs in.',
    exitCodes: [
      '0  it was asked to end, by SIGTERM or SIGINT, and has finished what was under way',
      '1  it could not begin, or go on, or lost the lease: the last line of the log says why',
      '2  wrong use',
    ],
    examples: ['% controller', '% controller --serve 127.0.0.1:0 --log-level debug'],
  });
  const option = (flags: string, description: string, variable: string) =>
    new Option(flags, description).env(variable);
  command
    .description('Reconciles ImageCredentialBindings until it gets SIGTERM or SIGINT.')
    .addOption(namespacesFlag())
    .addOption(
      option(
        '--scan-types <patterns>',
        'scan types of the ScheduledScans to serve, with * for any characters',
        'ICB_SCAN_TYPES',
      )
        .argParser(parseScanTypes)
        .default(DEFAULT_SCAN_TYPES, DEFAULT_SCAN_TYPES.join(',')),
    )
    .addOption(
      option('--concurrency <number>', 'bindings reconciled at the same time, 1 to 64', 'ICB_CONCURRENCY')
        .argParser(parseConcurrency)
        .default(8),
    )
    .addOption(
      option(
        '--unused-secret-grace <duration>',
        'how long a Trivy secret that nothing needs is kept',
        'ICB_UNUSED_SECRET_GRACE',
      )
        .argParser(parseDuration)
        .default(600_000, '10m'),
    )
    .addOption(
      option(
        '--runs-per-minute <number>',
        'runs of ScheduledScans started a minute at most, for scans that were moved or failed before they were bound; 0: none',
        'ICB_RUNS_PER_MINUTE',
      )
        .argParser(parseRunsPerMinute)
        .default(60),
    )
    .addOption(
      option('--serve <address>', 'where /healthz, /readyz and /metrics are served, [host]:port', 'ICB_SERVE')
        .argParser(parseAddress)
        .default({ host: undefined, port: 8080 }, ':8080'),
    )
    .addOption(
      option('--log-level <level>', 'least level that is logged', 'ICB_LOG_LEVEL')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .action(async (flags: Flags) => {
      // First of all: until there is a handler, a process that is PID 1 of a container ignores the signal.
      const signalled = signal();
      const problem = (await leaseProblem(flags)) ?? discoveryProblem(flags);
      if (problem !== undefined) command.error(`error: ${problem}`);
      await run(signalled, flags);
    });
  for (const flag of [...clusterFlags(), ...registryFlags(), ...discoveryFlags(), ...leaseFlags()])
    command.addOption(flag);
  return command;
}

async function run(signalled: Promise<string>, flags: Flags): Promise<void> {
  const log = pino(
    { level: flags.logLevel, timestamp: pino.stdTimeFunctions.isoTime },
    // By itself pino writes in the background, and a fatal line then overtakes, or cuts, the one before.
    pino.destination({ dest: process.stdout.fd, sync: true }),
  );
  const end = (error: unknown) => {
    if (error instanceof UserError) log.fatal(error.message);
    else if (error instanceof Error && error.name === 'LeadershipLost') {
      log.fatal({ reason: error.message }, 'leadership lost');
    } else log.fatal({ err: error }, 'cannot go on');
    // At once: what is left of the process must not look alive, and one that led may write no more.
    process.exit(1);
  };
  // A promise's rejection that nobody handles ends up here too.
  process.on('uncaughtException', end);
  logWarnings(log);
  try {
    await runUntil(signalled, flags, log);
  } catch (error) {
    end(error);
  }
}

async function runUntil(signalled: Promise<string>, flags: Flags, log: Logger): Promise<void> {
  // Not loaded for --help, nor where the flags are wrong: it takes most of the time of a start.
  const { Manager } = await import('../../manager/index.ts');
  const {
    namespaces,
    scanTypes,
    concurrency,
    unusedSecretGrace: unusedSecretGraceMs,
    runsPerMinute,
    serve,
  } = flags;
  const config = await loadKubeConfig(flags);
  const lease = leaseSettings(flags, config);
  const registries = await registrySettings(flags).catch(explainSettings);
  const discovery = discoverySettings(flags);
  const own = { namespaces, scanTypes, concurrency, unusedSecretGraceMs, runsPerMinute, serve };
  const settings = { ...own, lease, registries, discovery };
  const controller = newController(() => new Manager(config, settings, log));
  const running = controller.start().then(() => signalled, explainStart);
  log.info({ signal: await Promise.race([running, signalled, controller.failed]) }, 'stopping');
  await Promise.race([controller.stop(), controller.failed]);
  log.info('stopped');
}

/** What a controller cannot be made with: certificates that are none, proxies that are no URLs. */
function newController(make: () => Manager): Manager {
  try {
    return make();
  } catch (error) {
    return explainSettings(error);
  }
}

function explainSettings(error: unknown): never {
  throw new UserError(error instanceof Error ? error.message : String(error));
}

/** Puts Node's own warnings into the log, instead of among its lines. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'warning'));
}

/** The one thing that goes wrong at a start and is not tried again: the address of the probes. */
function explainStart(error: unknown): never {
  const failed = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  if (error instanceof Error && (failed === 'listen' || failed === 'getaddrinfo')) {
    throw new UserError(
      `probes and metrics cannot be served: ${error.message}; choose another address with --serve`,
    );
  }
  throw error;
}

/**
 * Resolves with the first SIGTERM or SIGINT. Others change nothing, for under npm each Ctrl-C comes twice: from the terminal and
 * from npm. Stopping ends by itself.
 */
function signal(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, resolve);
  return promise;
}

function parseScanTypes(text: string): readonly string[] {
  const patterns = text.split(',').map((pattern) => pattern.trim());
  if (patterns.some((pattern) => !/^[a-z0-9*.-]+$/.test(pattern))) {
    throw new InvalidArgumentError(
      'Expected names of scan types, separated by commas, * for any characters.',
    );
  }
  return patterns;
}

function parseConcurrency(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > 64) {
    throw new InvalidArgumentError('Expected a whole number from 1 to 64.');
  }
  return number;
}

function parseRunsPerMinute(text: string): number {
  const number = Number(text);
  if (text.trim() === '' || !Number.isInteger(number) || number < 0 || number > 6_000) {
    throw new InvalidArgumentError('Expected a whole number from 0 to 6000.');
  }
  return number;
}

function parseAddress(text: string): ManagerSettings['serve'] {
  const match = /^(?<host>|[^:[\]]+|\[[0-9a-fA-F:.]+\]):(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.['port']);
  if (match === null || port > 65_535) {
    throw new InvalidArgumentError('Expected host:port, :port or [IPv6]:port, with a port of at most 65535.');
  }
  const host = match.groups?.['host']?.replace(/^\[|\]$/g, '') ?? '';
  return { host: host === '' ? undefined : host, port };
}
