import { InvalidArgumentError, Option } from 'commander';
import type { DiscoverySettings } from '../../controllers/index.ts';
import { INCLUSION_MODES, type InclusionMode } from '../../pod/index.ts';
import { parseDuration } from './duration.ts';

/** What is set for discovery on the command line. */
export interface DiscoveryFlags {
  readonly discovery: InclusionMode | 'off';
  readonly discoveryGrace: number;
  readonly markPods: boolean;
}

/** The flags of discovery. */
export function discoveryFlags(): readonly Option[] {
  return [
    new Option(
      '--discovery <mode>',
      "make bindings from pods: off, or for which pods, as in secureCodeBox's autodiscovery (resourceInclusion.mode)",
    )
      .env('ICB_DISCOVERY')
      .choices(['off', ...INCLUSION_MODES])
      .default('off'),
    new Option('--discovery-grace <duration>', 'how long a binding from pods is kept that no pod uses')
      .env('ICB_DISCOVERY_GRACE')
      .argParser(parseDuration)
      .default(86_400_000, '24h'),
    new Option(
      '--mark-pods [boolean]',
      'annotate each pod that a binding serves, so that autodiscovery looks at it again',
    )
      .env('ICB_MARK_PODS')
      .preset('true')
      .argParser(parseBoolean)
      .default(false),
  ];
}

/** undefined: it is off. */
export function discoverySettings(flags: DiscoveryFlags): DiscoverySettings | undefined {
  const { discovery: mode, discoveryGrace: graceMs, markPods } = flags;
  return mode === 'off' ? undefined : { mode, graceMs, markPods };
}

/** What is wrong with flags that are each fine by themselves. */
export function discoveryProblem({ discovery, markPods }: DiscoveryFlags): string | undefined {
  if (discovery !== 'off' || !markPods) return undefined;
  return 'expected --discovery with a mode beside --mark-pods, found it off: pods are marked by discovery alone';
}

function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Expected true or false.');
  return text === 'true';
}
