import { Option } from 'commander';
import type { DiscoverySettings } from '../../controllers/index.ts';
import { INCLUSION_MODES, type InclusionMode } from '../../pod/index.ts';
import { parseBoolean } from './boolean.ts';
import { parseDuration } from './duration.ts';

/** The values of {@link discoveryFlags}. */
export interface DiscoveryFlags {
  readonly discovery: InclusionMode | 'off';
  /** In milliseconds. */
  readonly discoveryGrace: number;
  readonly markPods: boolean;
}

/** The flags of discovery. */
export function discoveryFlags(): readonly Option[] {
  return [
    new Option(
      '--discovery <mode>',
      "create bindings from pods: off, or the pods to include, as in secureCodeBox's autodiscovery (resourceInclusion.mode)",
    )
      .env('ICB_DISCOVERY')
      .choices(['off', ...INCLUSION_MODES])
      .default('off'),
    new Option('--discovery-grace <duration>', 'how long to keep a discovered binding that no pod uses')
      .env('ICB_DISCOVERY_GRACE')
      .argParser(parseDuration)
      .default(86_400_000, '24h'),
    new Option(
      '--mark-pods [boolean]',
      'annotate each pod with the binding that matches its image, so that the autodiscovery of secureCodeBox processes the pod again',
    )
      .env('ICB_MARK_PODS')
      .preset('true')
      .argParser(parseBoolean)
      .default(false),
  ];
}

/** The settings of discovery; undefined: it is off. */
export function discoverySettings(flags: DiscoveryFlags): DiscoverySettings | undefined {
  const { discovery: mode, discoveryGrace: graceMs, markPods } = flags;
  return mode === 'off' ? undefined : { mode, graceMs, markPods };
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export function discoveryProblem({ discovery, markPods }: DiscoveryFlags): string | undefined {
  if (discovery !== 'off' || !markPods) return undefined;
  return 'expected --discovery with a mode because --mark-pods is set, found off; set --discovery, or omit --mark-pods';
}
