import { Option } from 'commander';
import type { ManagerSettings } from '../../manager/index.ts';
import { type Address, parseAddress } from './address.ts';

/** The values of {@link admissionFlags}. */
export interface AdmissionFlags {
  /** undefined: off. */
  readonly admission?: Address;
  readonly admissionCertDir?: string;
  readonly bind: ManagerSettings['bind'];
}

/** The flags of the admission webhook. */
export function admissionFlags(): readonly Option[] {
  return [
    new Option(
      '--admission <address>',
      'address that serves the webhook for new Scans over HTTPS, [host]:port; without it, only ScheduledScans are bound',
    )
      .env('ICB_ADMISSION')
      .argParser(parseAddress),
    new Option(
      '--admission-cert-dir <directory>',
      'folder with the certificate (tls.crt) and the private key (tls.key) of the webhook; changes are loaded without a restart',
    ).env('ICB_ADMISSION_CERT_DIR'),
    new Option(
      '--bind <what>',
      'auto: ScheduledScans, and with --admission also new Scans, but not ScheduledScans that Argo CD or Flux applies; scans: only new Scans',
    )
      .env('ICB_BIND')
      .choices(['auto', 'scans'])
      .default('auto'),
  ];
}

/** The settings of the webhook; undefined: it is off. */
export function admissionSettings(flags: AdmissionFlags): ManagerSettings['admission'] {
  const { admission, admissionCertDir: certificates } = flags;
  return admission === undefined || certificates === undefined ? undefined : { ...admission, certificates };
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export function admissionProblem({ admission, admissionCertDir, bind }: AdmissionFlags): string | undefined {
  if (admission === undefined && bind === 'scans')
    return 'expected --admission because --bind is scans, found none; set --admission, or set --bind to auto';
  if ((admission === undefined) === (admissionCertDir === undefined)) return undefined;
  return admission === undefined
    ? 'expected --admission because --admission-cert-dir is set, found none; set --admission, or omit --admission-cert-dir'
    : 'expected --admission-cert-dir because --admission is set, found none; set --admission-cert-dir, or omit --admission';
}
