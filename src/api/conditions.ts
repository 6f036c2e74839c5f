/**
 * The conditions of a binding, in the order in which status lists them. Reconciling and Stalled follow kstatus
 * (https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus): they are there only while they hold.
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
 * Every reason that a condition may give, and what a message that gives it advises; empty where nothing is to be
 * done. Ready has the reason of the condition that it fails for. A reason, once published, keeps its meaning.
 */
export const ADVICE = {
  // Ready
  Ready: '',
  ExpiresSoon:
    'Renew the Secret before then, or see to it that what renews it is running: scans go on with what it holds.',

  // CredentialResolved
  Selected: '',
  Found: '',
  Anonymous: '',
  NoneNeeded: '',
  NoMatch:
    'Add an entry for that registry to one of the Secrets, or name the Secret that has one in spec.imagePullSecrets.',
  SecretNotFound: 'Create the Secret in this namespace, or correct its name in spec.imagePullSecrets.',
  SecretWrongType:
    'Name a pull secret, which kubectl create secret docker-registry makes, or one with the keys of a credential that is known here.',
  SecretMalformed: 'Write it anew, for example with kubectl create secret docker-registry.',
  SecretUnreadable: 'It is tried again; check that the controller may get Secrets in this namespace.',
  NotOffered:
    'Have its owner annotate it with the hosts that it is for, or name a pull secret in spec.imagePullSecrets.',

  // CredentialVerified
  Accepted: '',
  ManifestUnknown:
    'Check the tag or digest that the ScheduledScan names: the registry says that there is no such version.',
  AcceptedBefore: '',
  Disabled: '',
  Verifying: '',
  NotCheckable: '',
  Denied:
    'Correct the password, or what the account may read, or name a Secret with one that works in spec.imagePullSecrets.',
  Expired: 'Renew the Secret: it says itself that it has ended, so no registry is asked.',
  Inconclusive:
    'It is asked again; check the name of the image, and what the account may read: registries hide what it may not.',
  Unreachable:
    'It is asked again; check that the controller reaches the registry and trusts its certificate, or set spec.verification to Never.',
  RateLimited: 'It is asked again when the time that it asked for is over.',
  NotAllowed:
    'Change the settings --allowed-registries and --denied-registries of the controller, or set spec.verification to Never.',

  // ScansBound
  Bound: '',
  NoScans: 'They may come later; else check these, and the namespace: a binding serves only its own.',
  Observing: 'Set spec.mode to Enforce to have them bound.',
  ServedByAnother: 'Delete one of the bindings, or narrow its spec.image or spec.scanSelector.',
  Waiting:
    'A ScheduledScan is not written while its run is due, for a minute at most: secureCodeBox gets stuck then.',
  VolumeNameTaken: 'Give that volume another name.',
  MountPathTaken: 'Mount that volume elsewhere.',
  ScanUpdateFailed:
    'It is tried again; check that the controller may update ScheduledScans in this namespace, and which policies or webhooks see to them.',
  ScanUnreadable: 'Correct the ScheduledScan. The controller does not change it until then.',
  ImageMissing:
    'Push that version to the new registry, or take the earlier home out of spec.replaces; it is asked again.',
  Undeliverable: 'Change the Secret accordingly, or name another in spec.imagePullSecrets.',
  Exchanging: '',
  ExchangeFailed:
    'It is tried again; check that the credential is still good, and that the controller reaches its cloud.',
  TrivySecretTaken: 'Delete or rename that Secret: the controller overwrites none that it has not made.',
  TrivySecretFailed:
    'It is tried again; check that the controller may write Secrets in this namespace, and which policies or webhooks see to them.',

  // Stalled
  ReplacesCycle: 'Take one of the repositories out of spec.replaces.',
  ReplacesTooLong: 'Remove repositories that no ScheduledScan uses from spec.replaces of these bindings.',
  TooManyBindings: 'Delete bindings that you do not need, or list fewer repositories in spec.replaces.',
  InternalError:
    'The controller retries automatically. Report this error, and include the log lines that name the object.',
  InvalidSpec: 'Correct the spec: nothing is tried again until it changes.',
} as const satisfies Readonly<Record<string, string>>;

export type ConditionReason = keyof typeof ADVICE;
