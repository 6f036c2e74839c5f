/** How Trivy reads the value of a flag. The names are those of its help, and `bool` for a flag without a value. */
export type FlagType = 'bool' | 'int' | 'float' | 'duration' | 'string' | 'strings';

/** A flag that Trivy knows, under the name to which it resolves an alias. */
export interface KnownFlag {
  readonly name: string;
  readonly type: FlagType;
}

/**
 * The flags of `trivy image` v0.74.0 by type. `test/e2e/scan/trivy.test.ts` compares them with the real Trivy.
 *
 * @see https://github.com/aquasecurity/trivy/tree/v0.74.0/pkg/flag
 */
const FLAGS: Readonly<Record<FlagType, string>> = {
  bool: `debug dependency-tree disable-telemetry download-db-only download-java-db-only generate-default-config help
    ignore-unfixed include-deprecated-checks include-non-failures insecure license-full list-all-pkgs no-progress
    offline-scan password-stdin quiet redis-tls removed-pkgs show-suppressed skip-check-update skip-db-update
    skip-java-db-update skip-version-check skip-vex-repo-update tf-exclude-downloaded-modules trace-http trace-rego
    version light slow clear-cache reset reset-checks-bundle`,
  int: 'exit-code exit-on-eol parallel rego-error-limit',
  float: 'license-confidence-level',
  duration: 'cache-ttl timeout',
  string: `cacert cache-backend cache-dir checks-bundle-repository compliance config detection-priority distro docker-host
    format helm-kube-version ignore-policy ignorefile input max-image-size module-dir output output-plugin-arg
    path-prefix platform podman-host redis-ca redis-cert redis-key registry-token rekor-url report secret-config server
    template token token-header`,
  strings: `ansible-extra-vars ansible-inventory ansible-playbook check-namespaces config-check config-data
    config-file-schemas custom-headers db-repository enable-modules file-patterns helm-api-versions helm-set
    helm-set-file helm-set-string helm-values ignore-status ignored-licenses image-config-scanners image-src
    java-db-repository misconfig-scanners password pkg-relationships pkg-types raw-config-scanners render-cause
    sbom-sources scanners severity skip-dirs skip-files table-mode username vex vuln-severity-source`,
};

/** Other names that Trivy accepts for a flag. Its help lists none of them. */
export const ALIASES: Readonly<Record<string, string>> = {
  'config-policy': 'config-check',
  data: 'config-data',
  namespaces: 'check-namespaces',
  policy: 'config-check',
  'policy-bundle-repository': 'checks-bundle-repository',
  'policy-namespaces': 'check-namespaces',
  'reset-policy-bundle': 'reset-checks-bundle',
  'security-checks': 'scanners',
  'skip-policy-update': 'skip-check-update',
  'skip-update': 'skip-db-update',
  trace: 'trace-rego',
  'vuln-type': 'pkg-types',
};

const SHORTHANDS: Readonly<Record<string, string>> = {
  c: 'config',
  d: 'debug',
  f: 'format',
  h: 'help',
  o: 'output',
  q: 'quiet',
  s: 'severity',
  t: 'template',
  v: 'version',
};

/** Trivy still knows these flags, but refuses to run with them. */
export const REMOVED_FLAGS: ReadonlySet<string> = new Set(['clear-cache', 'reset', 'reset-checks-bundle']);

const BY_NAME: ReadonlyMap<string, KnownFlag> = new Map(
  Object.entries(FLAGS).flatMap(([type, names]) =>
    // The keys of FLAGS are its types.
    names.split(/\s+/).map((name) => [name, { name, type: type as FlagType }] as const),
  ),
);

/** All names under which Trivy knows a flag, without the dashes, with the flag. */
export const TRIVY_FLAGS: ReadonlyMap<string, KnownFlag> = new Map([
  ...BY_NAME,
  ...namedAlso(ALIASES),
  ...namedAlso(SHORTHANDS),
]);

function namedAlso(names: Readonly<Record<string, string>>): readonly (readonly [string, KnownFlag])[] {
  return Object.entries(names).flatMap(([name, formal]) => {
    const flag = BY_NAME.get(formal);
    return flag === undefined ? [] : [[name, flag] as const];
  });
}
