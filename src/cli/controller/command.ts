import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Logger, pino } from 'pino';
import type { Manager, ManagerSettings } from '../../manager/index.ts';
import { DEFAULT_SCAN_TYPES } from '../../scan/index.ts';
import { UserError } from '../errors.ts';
import {
  type AdmissionFlags,
  admissionFlags,
  admissionProblem,
  admissionSettings,
  type ContextFlags,
  contextFlags,
  type DeliveryFlags,
  type DiscoveryFlags,
  deliveryFlags,
  deliveryProblem,
  discoveryFlags,
  discoveryProblem,
  discoverySettings,
  type LeaseFlags,
  leaseFlags,
  leaseProblem,
  leaseSettings,
  loadKubeConfig,
  namespacesFlag,
  parseAddress,
  parseDuration,
  type RegistryFlags,
  registryFlags,
  registrySettings,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { ADMISSION_SERVER, listenProblem, PROBE_SERVER } from './listen.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

interface Flags
  extends ContextFlags,
    LeaseFlags,
    RegistryFlags,
    DiscoveryFlags,
    Omit<DeliveryFlags, 'admissionSecret'>,
    AdmissionFlags {
  readonly namespaces: ManagerSettings['namespaces'];
  readonly scanTypes: readonly string[];
  readonly concurrency: number;
  readonly unusedSecretGrace: number;
  readonly runsPerMinute: number;
  readonly runWait: number;
  readonly serve: ManagerSettings['serve'];
  readonly logLevel: string;
}

/** `image-credential-binding controller`: runs the controller until SIGTERM or SIGINT. */
export function controllerCommand(): Command {
  const command = commandWithHelp('controller', {
    notes:
      'A flag takes precedence over its environment variable.\n' +
      'Registries are contacted through the proxies in HTTPS_PROXY, HTTP_PROXY and NO_PROXY.\n' +
      'The cluster comes from the flags, KUBECONFIG, ~/.kube/config, or the service account of the pod, in this order.',
    exitCodes: [
      '0  stopped by SIGTERM or SIGINT, after finishing the work in progress',
      '1  could not start or continue, or lost the Lease: the last line of the log gives the reason',
      '2  incorrect usage',
    ],
    examples: ['% controller', '% controller --serve 127.0.0.1:0 --log-level debug'],
  });
  const option = (flags: string, description: string, variable: string) =>
    new Option(flags, description).env(variable);
  command
    .description(
      'Run the controller: deliver the credentials that ImageCredentialBindings choose to the ScheduledScans of their images. ' +
        'Runs until SIGTERM or SIGINT.',
    )
    .addOption(namespacesFlag())
    .addOption(
      option(
        '--scan-types <patterns>',
        'scan types of the ScheduledScans to bind, separated by commas, with * for any characters',
        'ICB_SCAN_TYPES',
      )
        .argParser(parseScanTypes)
        .default(DEFAULT_SCAN_TYPES, DEFAULT_SCAN_TYPES.join(',')),
    )
    .addOption(
      option(
        '--concurrency <number>',
        'number of bindings to reconcile at the same time, 1 to 64',
        'ICB_CONCURRENCY',
      )
        .argParser(parseConcurrency)
        .default(8),
    )
    .addOption(
      option(
        '--unused-secret-grace <duration>',
        'how long to keep a Secret that the controller created for Trivy and that no scan uses any more',
        'ICB_UNUSED_SECRET_GRACE',
      )
        .argParser(parseDuration)
        .default(600_000, '10m'),
    )
    .addOption(
      option(
        '--runs-per-minute <number>',
        'limit on the runs of ScheduledScans that the controller starts per minute; it starts one after a migration, and after the first bind if the last run had failed; 0: none',
        'ICB_RUNS_PER_MINUTE',
      )
        .argParser(parseRunsPerMinute)
        .default(60),
    )
    .addOption(
      option(
        '--run-wait <duration>',
        'how long a run that the controller starts waits for an earlier Scan that has not ended, unless the concurrencyPolicy of the ScheduledScan is Forbid or Replace',
        'ICB_RUN_WAIT',
      )
        .argParser(parseDuration)
        .default(900_000, '15m'),
    )
    .addOption(
      option(
        '--serve <address>',
        'address at which to serve /healthz, /readyz and /metrics, as [host]:port',
        'ICB_SERVE',
      )
        .argParser(parseAddress)
        .default({ host: undefined, port: 8080 }, ':8080'),
    )
    .addOption(
      option('--log-level <level>', 'least severe level of log lines to write', 'ICB_LOG_LEVEL')
        .choices(LOG_LEVELS)
        .default('info'),
    )
    .action(async (flags: Flags) => {
      // Do this first: as PID 1 of a container, a process ignores signals until it has a handler.
      const signalled = signal();
      const problem =
        (await leaseProblem(flags)) ??
        discoveryProblem(flags) ??
        admissionProblem(flags) ??
        deliveryProblem(flags);
      if (problem !== undefined) command.error(`error: ${problem}`);
      await run(signalled, flags);
    });
  const others = [
    contextFlags(),
    registryFlags(),
    deliveryFlags(),
    discoveryFlags(),
    admissionFlags(),
    leaseFlags(),
  ];
  for (const flag of others.flat()) command.addOption(flag);
  return command;
}

async function run(signalled: Promise<string>, flags: Flags): Promise<void> {
  const log = pino(
    { level: flags.logLevel, timestamp: pino.stdTimeFunctions.isoTime },
    // By default pino writes in the background. A fatal line could then overtake or truncate the line before it.
    pino.destination({ dest: process.stdout.fd, sync: true }),
  );
  const exitWith = (error: unknown) => {
    if (error instanceof UserError) log.fatal(error.message);
    else if (error instanceof Error && error.name === 'LeadershipLost') {
      log.fatal({ reason: error.message }, 'leadership lost');
    } else log.fatal({ err: error }, 'cannot go on');
    // Exit at once: the process must not look alive, and a former leader must not write any more.
    process.exit(1);
  };
  // Node reports unhandled rejections of promises as this event, too.
  process.on('uncaughtException', exitWith);
  logWarnings(log);
  try {
    await runUntil(signalled, flags, log);
  } catch (error) {
    exitWith(error);
  }
}

async function runUntil(signalled: Promise<string>, flags: Flags, log: Logger): Promise<void> {
  // Load this late, not for --help or invalid flags, because it takes most of the start-up time.
  const { Manager } = await import('../../manager/index.ts');
  const {
    namespaces,
    scanTypes,
    concurrency,
    unusedSecretGrace: unusedSecretGraceMs,
    runsPerMinute,
    runWait: runWaitMs,
    serve,
  } = flags;
  const config = await loadKubeConfig(flags);
  const lease = leaseSettings(flags, config);
  const registries = await registrySettings(flags).catch(explainSettings);
  const discovery = discoverySettings(flags);
  const own = { namespaces, scanTypes, concurrency, unusedSecretGraceMs, runsPerMinute, runWaitMs, serve };
  const settings = {
    ...own,
    lease,
    registries,
    discovery,
    admission: admissionSettings(flags),
    bind: flags.bind,
    delivery: flags.delivery,
    writesSecrets: flags.writeSecrets,
  };
  const controller = newController(() => new Manager(config, settings, log));
  const running = controller.start().then(
    () => signalled,
    (error: unknown) => explainStart(error, flags),
  );
  log.info({ signal: await Promise.race([running, signalled, controller.failed]) }, 'stopping');
  await Promise.race([controller.stop(), controller.failed]);
  log.info('stopped');
}

/** Turns errors of the constructor into user errors: invalid certificates, and proxies that are not URLs. */
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

/** Writes Node's own warnings to the log, so that they do not mix with its lines. */
function logWarnings(log: Logger): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) => log.warn({ err: warning }, 'warning'));
}

/** Explains why an address cannot be used. The start retries every other failure. */
function explainStart(error: unknown, { serve, admission }: Flags): never {
  const isOfAdmission = admission !== undefined && portOf(error) === admission.port;
  const problem = isOfAdmission
    ? listenProblem(error, admission, ADMISSION_SERVER)
    : listenProblem(error, serve, PROBE_SERVER);
  if (problem !== undefined) throw new UserError(problem);
  throw error;
}

function portOf(error: unknown): unknown {
  return error instanceof Error && 'port' in error ? error.port : undefined;
}

/**
 * Resolves with the first SIGTERM or SIGINT. Ignores later signals, because under npm each Ctrl-C arrives twice: from the
 * terminal and from npm. Stopping has a time limit anyway.
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
      'Expected names of scan types, separated by commas, with * for any characters.',
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
