import { Option } from 'commander';
import type { Delivery } from '../../api/index.ts';
import type { AdmissionFlags } from './admission.ts';
import { parseBoolean } from './boolean.ts';

/** The value of {@link deliveryFlag}; undefined: the user has not set it. */
export interface DeliveryFlag {
  readonly delivery?: Delivery;
}

/** The values of the controller's flags about deliveries. */
export interface DeliveryFlags extends Required<DeliveryFlag>, Pick<AdmissionFlags, 'admission'> {
  readonly writeSecrets: boolean;
  readonly admissionSecret?: string;
}

const DELIVERY =
  'how scans get the credential of a binding without spec.delivery: Shared (a Secret that the controller creates), Direct (the pull secret itself) or Temporary (a Secret for each Scan; requires --admission)';

/** How the controller is set to deliver credentials. `explain` and `validate` predict what such a controller reports. */
export function deliveryFlag(description = `${DELIVERY} (default: status.delivery, or else Shared)`): Option {
  return new Option('--delivery <how>', description)
    .env('ICB_DELIVERY')
    .choices(['Shared', 'Direct', 'Temporary'] satisfies Delivery[]);
}

/** The controller's flags about deliveries. */
export function deliveryFlags(): readonly Option[] {
  return [
    deliveryFlag(DELIVERY).default('Shared' satisfies Delivery),
    new Option(
      '--write-secrets <boolean>',
      'false: the controller has no right to write Secrets; requires --delivery Direct, and bindings with the delivery Shared or Temporary bind no scans',
    )
      .env('ICB_WRITE_SECRETS')
      .argParser(parseBoolean)
      .default(true),
  ];
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export function deliveryProblem({
  admission,
  delivery,
  writeSecrets,
  admissionSecret,
}: DeliveryFlags): string | undefined {
  if (writeSecrets)
    return delivery === 'Temporary' && admission === undefined
      ? 'expected --admission because --delivery is Temporary, found none; set --admission, or set --delivery to Shared or Direct'
      : undefined;
  if (delivery !== 'Direct')
    return `expected --delivery Direct because --write-secrets is false, found ${delivery}; set --delivery to Direct, or omit --write-secrets`;
  return admissionSecret === undefined
    ? undefined
    : 'expected --admission-cert-dir because --write-secrets is false, found --admission-secret, which the controller would write; replace it, or omit --write-secrets';
}
