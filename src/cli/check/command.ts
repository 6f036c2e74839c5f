import type { KubeConfig } from '@kubernetes/client-node';
import { type Command, Option } from 'commander';
import { reportUserErrors } from '../errors.ts';
import {
  type ClusterFlags,
  clusterFlags,
  type LeaseFlags,
  leasePlaceFlags,
  loadKubeConfig,
  ownNamespace,
  type ScopeFlags,
  scopeFlags,
  scopeOf,
} from '../flags/index.ts';
import { commandWithHelp } from '../help.ts';
import { CHART } from './controller.ts';
import { asJson, asText } from './print.ts';
import { type SurveySettings, survey } from './survey.ts';

/** Exit code: something is missing. */
const EXIT_MISSING = 1;

const FORMATS = { text: asText, json: asJson };

interface Flags extends ScopeFlags, ClusterFlags, Pick<LeaseFlags, 'leaseNamespace' | 'leaseName'> {
  readonly output: keyof typeof FORMATS;
}

/**
 * `image-credential-binding check`: says what is installed, and what is missing.
 *
 * @param version - of this command
 */
export function checkCommand(version: string): Command {
  const command = commandWithHelp('check', {
    notes:
      'Works before and after installation. Each line begins with "ok", with "warning" (it works only in part, or your rights\n' +
      'do not suffice to see it), or with "missing". Writes nothing, reads no Secret, and contacts no registry.',
    exitCodes: [
      '0  nothing is missing',
      '1  something is missing',
      '2  incorrect usage, the cluster cannot be reached, or a namespace does not exist',
    ],
    examples: ['% check -n shop', '% check -A', '% check -n shop -o json'],
  })
    .description(
      'Check whether all that scans of private images need is installed, and say what to do if not: CRDs, secureCodeBox, ' +
        'ScanTypes, the controller and its leader, rights, and the admission policy.',
    )
    .addOption(
      new Option('-o, --output <format>', 'output format').choices(Object.keys(FORMATS)).default('text'),
    )
    .action((flags: Flags) => reportUserErrors(run(flags, version)));
  const place = `as in the Deployment of the controller; otherwise, namespace of the pod or the kubeconfig context, and "${CHART}"`;
  for (const flag of [...scopeFlags(), ...clusterFlags(), ...leasePlaceFlags(place)]) command.addOption(flag);
  return command;
}

async function run(flags: Flags, version: string): Promise<void> {
  const config = await loadKubeConfig(flags);
  const leases = leasesOf(flags, config);
  const items = await survey(config, {
    scope: scopeOf(flags, config),
    leases,
    hasLeaseNamespace: flags.leaseNamespace !== undefined,
    version,
  });
  process.stdout.write(FORMATS[flags.output](items));
  if (items.some(({ state }) => state === 'missing')) process.exitCode = EXIT_MISSING;
}

function leasesOf({ leaseNamespace, leaseName: name }: Flags, config: KubeConfig): SurveySettings['leases'] {
  if (leaseNamespace !== undefined) return [{ namespace: leaseNamespace, name }];
  return [
    { namespace: CHART, name },
    { namespace: ownNamespace(config), name },
  ];
}
