import { Option } from 'commander';
import type { ManagerSettings } from '../../manager/index.ts';
import { type Address, parseAddress } from './address.ts';
import { parseObjectName } from './name.ts';

/** The values of {@link admissionFlags}. */
export interface AdmissionFlags {
  /** undefined: off. */
  readonly admission?: Address;
  readonly admissionSecret?: string;
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
      '--admission-secret <name>',
      'existing Secret in the namespace of the Lease in which the controller keeps the certificate of the webhook; the Service in front of the webhook has the same name',
    )
      .env('ICB_ADMISSION_SECRET')
      .argParser(parseObjectName),
    new Option(
      '--admission-cert-dir <directory>',
      'instead of --admission-secret: folder with the certificate (tls.crt) and the private key (tls.key) of the webhook; changes are loaded without a restart',
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
  const { admission, admissionSecret: name, admissionCertDir: directory } = flags;
  if (admission === undefined) return undefined;
  if (name !== undefined) return { ...admission, certificates: { kind: 'Secret', name } };
  return directory === undefined ? undefined : { ...admission, certificates: { kind: 'Files', directory } };
}

/** What is wrong with the combination of valid flags; undefined: nothing. */
export function admissionProblem(flags: AdmissionFlags): string | undefined {
  const { admission, admissionSecret, admissionCertDir, bind } = flags;
  if (admission === undefined && bind === 'scans')
    return 'expected --admission because --bind is scans, found none; set --admission, or set --bind to auto';
  if (admissionSecret !== undefined && admissionCertDir !== undefined)
    return 'expected --admission-secret or --admission-cert-dir, found both; omit one of them';
  const flag = admissionSecret === undefined ? '--admission-cert-dir' : '--admission-secret';
  const hasCertificate = admissionSecret !== undefined || admissionCertDir !== undefined;
  if ((admission !== undefined) === hasCertificate) return undefined;
  return hasCertificate
    ? `expected --admission because ${flag} is set, found none; set --admission, or omit ${flag}`
    : 'expected --admission-secret or --admission-cert-dir because --admission is set, found neither; set one of them, or omit --admission';
}
