import { Option } from 'commander';
import type { Delivery } from '../../api/index.ts';
import { parseBoolean } from './boolean.ts';

/** The value of {@link deliveryFlag}. */
export interface DeliveryFlag {
  readonly delivery: Delivery;
}

/** The values of the controller's flags about deliveries. */
export interface DeliveryFlags extends DeliveryFlag {
  readonly writeSecrets: boolean;
  readonly admissionSecret?: string;
}

/** How the controller is set to deliver credentials. `explain` and `validate` predict what such a controller reports. */
export function deliveryFlag(): Option {
  return new Option(
    '--delivery <how>',
    'how scans get the credential of a binding without spec.delivery: Shared (a Secret that the controller creates) or Direct (the pull secret itself)',
  )
    .env('ICB_DELIVERY')
    .choices(['Shared', 'Direct'] satisfies Delivery[])
    .default('Shared');
}

/** The controller's flags about deliveries. */
export function deliveryFlags(): readonly Option[] {
  return [
    deliveryFlag(),
    new Option(
      '--write-secrets <boolean>',
      'false: the controller has no right to write Secrets; requires --delivery Direct, and bindings with the delivery Shared bind no scans',
    )
      .env('ICB_WRITE_SECRETS')
      .argParser(parseBoolean)
      .default(true),
  ];
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export function deliveryProblem({
  delivery,
  writeSecrets,
  admissionSecret,
}: DeliveryFlags): string | undefined {
  if (writeSecrets) return undefined;
  if (delivery !== 'Direct')
    return `expected --delivery Direct because --write-secrets is false, found ${delivery}; set --delivery to Direct, or omit --write-secrets`;
  return admissionSecret === undefined
    ? undefined
    : 'expected --admission-cert-dir because --write-secrets is false, found --admission-secret, which the controller would write; replace it, or omit --write-secrets';
}
