/**
 * The conditions of a binding, in the order in which status lists them. Reconciling and Stalled follow kstatus
 * (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus): status lists them only while they are True.
 */
export const CONDITION_TYPES = [
  'Ready',
  'CredentialResolved',
  'CredentialVerified',
  'ScansBound',
  'Reconciling',
  'Stalled',
] as const;

export type ConditionType = (typeof CONDITION_TYPES)[number];

/**
 * Every reason of a condition, with the advice at the end of its message; empty: no action is needed. If Ready is not
 * True, it has the same reason as the condition that keeps it from being True. A published reason keeps its meaning.
 */
export const ADVICE = {
  // Ready
  Ready: '',
  ExpiresSoon:
    'Renew the credential in the Secret before that time, or check that the automation that renews it is running. Scans keep using the current value.',

  // CredentialResolved
  Selected: '',
  Found: '',
  Anonymous: '',
  NoneNeeded: '',
  NoMatch:
    'Add an entry for the registry of the image to one of these Secrets, or name a Secret with such an entry in spec.imagePullSecrets.',
  SecretNotFound: 'Create the Secret in this namespace, or correct its name in spec.imagePullSecrets.',
  SecretWrongType:
    'Name a pull secret (kubectl create secret docker-registry), or a Secret with the keys of a supported credential.',
  SecretMalformed: 'Create the Secret again, for example with kubectl create secret docker-registry.',
  SecretUnreadable:
    'Check that the controller may get Secrets in this namespace. The controller retries automatically.',
  NotAnnotated:
    'Ask the owner of the Secret to make that change, or name a pull secret in spec.imagePullSecrets.',

  // CredentialVerified
  Accepted: '',
  ManifestUnknown: 'Check the tag or digest in the ScheduledScan.',
  AcceptedBefore: '',
  Disabled: '',
  Verifying: '',
  NotCheckable: '',
  Denied:
    'Correct the password or the permissions of the account, or name a Secret with a working credential in spec.imagePullSecrets.',
  Expired:
    'Renew the credential in the Secret. The controller does not check expired credentials with the registry.',
  Inconclusive:
    'Check the name of the image and the permissions of the account: registries hide repositories that the account may not read. The controller retries automatically.',
  Unreachable:
    'Check that the controller can reach the registry and trusts its certificate, or set spec.verification to Never. The controller retries automatically.',
  RateLimited: 'The controller retries after the delay that the registry requested.',
  NotAllowed:
    'Change the settings --allowed-registries or --denied-registries of the controller, or set spec.verification to Never.',

  // ScansBound
  Bound: '',
  NoScans:
    'If you expected a ScheduledScan here, check its image, scan type, labels and namespace: a binding applies only to its own namespace.',
  Observing: 'Set spec.mode to Enforce to bind scans.',
  Overridden: 'Delete one of the bindings, or narrow its spec.image or spec.scanSelector.',
  Waiting:
    'While a run is due, the controller waits up to a minute before it writes the ScheduledScan, so that secureCodeBox does not get stuck.',
  VolumeNameTaken: 'Rename that volume in the ScheduledScan.',
  MountPathTaken: 'Mount that volume at another path in the ScheduledScan.',
  ScanUpdateFailed:
    'Check that the controller may update ScheduledScans in this namespace, and that no policy or webhook refuses or changes the update. The controller retries automatically.',
  WritesReverted:
    'Stop that program from reverting the ScheduledScan, or enable the admission webhook, so that its Scans are bound when they are created.',
  ScanUnreadable: 'Correct the ScheduledScan. The controller does not change it until then.',
  ImageMissing:
    'Push that version to the new repository, or remove the previous repository from spec.replaces. The controller retries automatically.',
  Undeliverable: 'Correct the Secret, or name another one in spec.imagePullSecrets.',
  NotDirect:
    'Change the Secret so that Trivy finds exactly this credential in it, or set spec.delivery to Shared.',
  SecretsReadOnly:
    'Set spec.delivery to Direct, or let the controller write Secrets with the value config.writeSecrets of the chart.',
  AdmissionOff:
    'Enable the admission webhook with the value admission.enabled of the chart, or set spec.delivery to Shared or Direct.',
  ScansNotHeld: 'Upgrade secureCodeBox to 5.6 or later, or set spec.delivery to Shared or Direct.',
  Exchanging: '',
  ExchangeFailed:
    'Check that the credential is still valid, and that the controller can reach the cloud. The controller retries automatically.',
  TrivySecretTaken:
    'Delete that Secret, or create it under another name. The controller does not overwrite Secrets that it did not create.',
  TrivySecretFailed:
    'Check that the controller may write Secrets in this namespace, and that no quota, policy or webhook refuses or changes the write. The controller retries automatically.',

  // Stalled
  ReplacesCycle: 'Remove one of the repositories from spec.replaces.',
  ReplacesTooLong: 'Remove repositories that no ScheduledScan uses from spec.replaces of these bindings.',
  TooManyBindings: 'Delete bindings that you do not need, or list fewer repositories in spec.replaces.',
  InternalError:
    'The controller retries automatically. Report this error, and include the log lines that name the object.',
  InvalidSpec: 'Correct the spec. The controller does not retry until it changes.',
} as const satisfies Readonly<Record<string, string>>;

export type ConditionReason = keyof typeof ADVICE;
