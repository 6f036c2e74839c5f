/**
 * Objects in files, and whether a strict `kubectl apply` accepts them. Unit tests compare `explain` with this table, and
 * cluster tests compare the table with a real API server.
 */
export interface ManifestCase {
  readonly what: string;
  /** `NAME` in the text is replaced with the name of the object. */
  readonly text: string;
  readonly accepted: boolean;
  /** What `explain` says about an object that is not accepted. */
  readonly says?: RegExp;
}

const HEAD = 'apiVersion: credentials.securecodebox.io/v1alpha1\nkind: ImageCredentialBinding\n';
const META = 'metadata:\n  name: NAME\n';
const SPEC = 'spec:\n  image: reg.example/app\n  imagePullSecrets: [{ name: pull }]\n';

/** A binding with more lines in its spec. */
const spec = (lines: string) => `${HEAD}${META}${SPEC}  ${lines}\n`;
/** A binding with this spec. */
const whole = (fields: string) => `${HEAD}${META}spec: { ${fields} }\n`;
/** A binding with more lines in its metadata. */
const meta = (lines: string) => `${HEAD}${META}  ${lines}\n${SPEC}`;
/** A binding with more fields at the top. */
const top = (lines: string) => `${HEAD}${META}${SPEC}${lines}\n`;

const refused = (what: string, text: string, says: RegExp): ManifestCase => ({
  what,
  text,
  accepted: false,
  says,
});
const accepted = (what: string, text: string): ManifestCase => ({ what, text, accepted: true });

export const BINDINGS: readonly ManifestCase[] = [
  accepted('a complete binding', `${HEAD}${META}${SPEC}`),
  refused('a misspelt field', spec('imagePullSecret: []'), /no field "imagePullSecret"/),
  refused('a field in another letter case', spec('Mode: Enforce'), /no field "Mode"/),
  refused(
    'a field of a pod',
    whole('image: a, imagePullSecrets: [{ name: a, optional: true }]'),
    /no field "optional"/,
  ),
  refused('an unknown field beside spec', top('sepc: {}'), /no field "sepc"/),
  refused('an unknown field in metadata', meta('lables: { a: b }'), /metadata has no field "lables"/),
  refused('an unknown field in status', top('status: { foo: 1 }'), /status has no field "foo"/),
  accepted('a status with another type, which is ignored', top('status: { candidates: 1, conditions: [1] }')),
  accepted('a status with an unknown value, which is ignored', top('status: { platform: Foo }')),
  refused(
    'a mode in lower case',
    spec('mode: observe'),
    /spec\.mode must be one of Enforce, Observe; found "observe"/,
  ),
  refused('an unknown verification', spec('verification: Always'), /spec\.verification must be one of/),
  refused('a boolean of YAML 1.1', spec('mode: on'), /spec\.mode.*found true/),
  refused(
    'a name that YAML reads as a boolean',
    whole('image: a, imagePullSecrets: [{ name: n }]'),
    /found false/,
  ),
  refused(
    'a name that YAML reads as a number',
    whole('image: a, imagePullSecrets: [{ name: 010 }]'),
    /found 8/,
  ),
  refused('no image', whole('imagePullSecrets: []'), /spec must have required property 'image'/),
  refused('no imagePullSecrets', whole('image: a'), /spec must have required property 'imagePullSecrets'/),
  refused('imagePullSecrets without a value', whole('image: a, imagePullSecrets: '), /'imagePullSecrets'/),
  refused('an empty spec', `${HEAD}${META}spec:\n`, /must have required property 'spec'/),
  refused('no spec', `${HEAD}${META}`, /must have required property 'spec'/),
  refused(
    'names instead of objects',
    whole('image: a, imagePullSecrets: [pull]'),
    /imagePullSecrets\[0\] must be object/,
  ),
  refused(
    'an empty item',
    whole('image: a, imagePullSecrets: [null]'),
    /imagePullSecrets\[0\] must be object/,
  ),
  refused(
    'a Secret without a name',
    whole('image: a, imagePullSecrets: [{}]'),
    /must have required property 'name'/,
  ),
  refused(
    'a Secret twice',
    whole('image: a, imagePullSecrets: [{ name: a }, { name: a }]'),
    /each Secret once/,
  ),
  refused(
    'a Secret name in upper case',
    whole('image: a, imagePullSecrets: [{ name: A }]'),
    /expected the name of a Secret/,
  ),
  refused(
    'an image with a scheme',
    whole('image: "https://reg.example/app", imagePullSecrets: []'),
    /expected an image/,
  ),
  refused('an image with a line break', whole('image: "app\\n", imagePullSecrets: []'), /expected an image/),
  refused('a long repository', whole(`image: ${'a'.repeat(256)}, imagePullSecrets: []`), /255/),
  refused(
    'replaces with its own repository',
    spec('replaces: [reg.example/app]'),
    /without the repository of spec\.image/,
  ),
  refused(
    "replaces with Docker's long form of its own repository",
    whole('image: nginx, imagePullSecrets: [], replaces: [index.docker.io/library/nginx]'),
    /without the repository of spec\.image/,
  ),
  refused(
    'replaces and a tag',
    whole('image: "reg.example/app:1", imagePullSecrets: [], replaces: [reg.example/old]'),
    /without a tag or digest, because spec\.replaces is set/,
  ),
  accepted(
    'replaces and a port',
    whole('image: "reg.example:5000/app", imagePullSecrets: [], replaces: [reg.example/old]'),
  ),
  refused(
    'a replaced repository twice',
    spec('replaces: [reg.example/old, reg.example/old]'),
    /each repository once/,
  ),
  accepted('a replaced repository in two forms', spec('replaces: [nginx, docker.io/nginx]')),
  refused(
    'a replaced repository with a tag',
    spec('replaces: ["reg.example/old:1"]'),
    /expected a repository/,
  ),
  refused(
    'an invalid label key in matchLabels',
    spec('scanSelector: { matchLabels: { -a: b } }'),
    /expected label keys/,
  ),
  refused(
    'a label value that is a number',
    spec('scanSelector: { matchLabels: { a: 1 } }'),
    /must be string; found 1/,
  ),
  refused(
    'In without values',
    spec('scanSelector: { matchExpressions: [{ key: a, operator: In }] }'),
    /at least one value/,
  ),
  refused(
    'In with values without a value',
    spec('scanSelector: { matchExpressions: [{ key: a, operator: In, values: }] }'),
    /at least one value/,
  ),
  refused(
    'Exists with values',
    spec('scanSelector: { matchExpressions: [{ key: a, operator: Exists, values: [b] }] }'),
    /no values for the operators Exists/,
  ),
  accepted(
    'Exists with no values',
    spec('scanSelector: { matchExpressions: [{ key: a, operator: Exists, values: [] }] }'),
  ),
  ...['mode', 'verification', 'delivery', 'replaces', 'scanSelector', 'unknown'].map((field) =>
    accepted(`${field} without a value`, spec(`${field}:`)),
  ),
  accepted('matchLabels without a value', spec('scanSelector: { matchLabels: }')),
  refused(
    'v1alpha2',
    `${HEAD.replace('v1alpha1', 'v1alpha2')}${META}${SPEC}`,
    /expected apiVersion .*v1alpha1, found ".*v1alpha2"/,
  ),
  refused('v1', `${HEAD.replace('v1alpha1', 'v1')}${META}${SPEC}`, /expected apiVersion/),
  refused('no version', `${HEAD.replace('/v1alpha1', '')}${META}${SPEC}`, /expected apiVersion/),
  refused(
    'another group',
    `${HEAD.replace('credentials', 'credential')}${META}${SPEC}`,
    /expected apiVersion/,
  ),
  refused(
    'no apiVersion',
    `kind: ImageCredentialBinding\n${META}${SPEC}`,
    /expected apiVersion .*, found none/,
  ),
  refused(
    'no kind',
    `${HEAD.split('\n')[0]}\n${META}${SPEC}`,
    /expected kind ImageCredentialBinding, found none/,
  ),
  refused(
    'a misspelt kind',
    `${HEAD.replace('Binding', 'Bindng')}${META}${SPEC}`,
    /expected kind .*found "ImageCredentialBindng"/,
  ),
  refused(
    'a kind in another letter case',
    `${HEAD.replace('kind: Image', 'kind: image')}${META}${SPEC}`,
    /expected kind/,
  ),
  refused('no name', `${HEAD}metadata: {}\n${SPEC}`, /without a name: expected metadata with a name/),
  refused('no metadata', `${HEAD}${SPEC}`, /without a name: expected metadata with a name/),
  refused(
    'a generated name',
    `${HEAD}metadata: { generateName: NAME- }\n${SPEC}`,
    /expected metadata with a name/,
  ),
  refused('a list as metadata', `${HEAD}metadata: []\n${SPEC}`, /expected metadata with a name/),
  refused(
    'a name in upper case',
    `${HEAD}metadata: { name: A }\n${SPEC}`,
    /expected a DNS name in metadata\.name/,
  ),
  refused(
    'a name that is a number',
    `${HEAD}metadata: { name: 1 }\n${SPEC}`,
    /expected metadata with a name/,
  ),
  refused(
    'a label that is a number',
    meta('labels: { a: 1 }'),
    /"NAME": expected metadata .* strings in .*labels/,
  ),
  refused('a label that YAML reads as a boolean', meta('labels: { a: yes }'), /strings in .*labels/),
  accepted('a label without a value', meta('labels: { a: }')),
  refused('an invalid label value', meta('labels: { a: "b c" }'), /the value of the label "a" is invalid/),
  refused(
    'an invalid label key',
    meta('labels: { "a b": c }'),
    /the key "a b" in metadata\.labels is invalid/,
  ),
  refused(
    'a label prefix in upper case',
    meta('labels: { A.B/c: d }'),
    /the key "A\.B\/c" in metadata\.labels/,
  ),
  accepted('an annotation prefix in upper case', meta('annotations: { A.B/c: d }')),
  refused(
    'an invalid annotation key',
    meta('annotations: { "a b": c }'),
    /in metadata\.annotations is invalid/,
  ),
  refused('an annotation that is a number', meta('annotations: { a: 1 }'), /strings in .*annotations/),
  accepted('a merge key', meta('labels: &labels { a: "b" }\n  annotations: { <<: *labels }')),
  refused(
    'a creation time that is no time',
    meta('creationTimestamp: yesterday'),
    /RFC 3339 time in metadata\.creationTimestamp/,
  ),
  accepted('a creation time', meta('creationTimestamp: 2026-01-01T00:00:00Z')),
];

const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: { name: NAME }\n';

export const SECRETS: readonly ManifestCase[] = [
  accepted('a complete Secret', `${SECRET}data: { a: YQ== }\n`),
  accepted('an empty type', `${SECRET}type: ""\n`),
  accepted('base64 with line breaks', `${SECRET}data:\n  a: |\n    YW\n    Jj\n`),
  accepted('values without a value', `${SECRET}stringData: { a: }\ndata: { b: }\n`),
  refused(
    'a number',
    `${SECRET}stringData: { password: 1234 }\n`,
    /found a number under "password"; put the value in quotes/,
  ),
  refused(
    'a boolean of YAML 1.1',
    `${SECRET}stringData: { password: no }\n`,
    /found a boolean under "password"/,
  ),
  refused('a list', `${SECRET}data: []\n`, /expected strings under "data", found a list/),
  refused('no base64', `${SECRET}data: { a: "{}" }\n`, /expected base64 under "a"/),
  refused('base64 without padding', `${SECRET}data: { a: YWJjZA }\n`, /expected base64 under "a"/),
  refused('base64 of URLs', `${SECRET}data: { a: "_-8=" }\n`, /expected base64 under "a"/),
  refused('base64 with a blank', `${SECRET}data: { a: "YQ = =" }\n`, /expected base64 under "a"/),
  refused('a key with a blank', `${SECRET}stringData: { "a b": c }\n`, /the key "a b" may contain only/),
  refused('a misspelt field', `${SECRET}stringdata: { a: b }\n`, /no field "stringdata"/),
  refused('immutable as text', `${SECRET}immutable: "yes"\n`, /true or false as "immutable"/),
  refused(
    'a label that is invalid',
    `${SECRET.replace('NAME', 'NAME, labels: { a: "b c" }')}`,
    /value of the label "a"/,
  ),
];

const SCAN = 'apiVersion: execution.securecodebox.io/v1\nkind: ScheduledScan\nmetadata: { name: NAME }\n';
const scanSpec = (fields: string, more = '') =>
  `${SCAN}spec:\n  interval: 1h\n${more}  scanSpec: { ${fields} }\n`;

export const SCANS: readonly ManifestCase[] = [
  accepted('a complete ScheduledScan', scanSpec('scanType: trivy-image, parameters: [a]')),
  accepted('volumes without a value', scanSpec('scanType: trivy-image, parameters: [a], volumes: ')),
  refused('no parameters', scanSpec('scanType: trivy-image'), /expected spec\.scanSpec with/),
  refused('a number as a parameter', scanSpec('scanType: trivy-image, parameters: [1]'), /list of strings/),
  refused('an empty parameter', scanSpec('scanType: trivy-image, parameters: [a, null]'), /list of strings/),
  refused('text as parameters', scanSpec('scanType: trivy-image, parameters: a'), /list of strings/),
  refused('no scan type', scanSpec('parameters: [a]'), /with a scanType/),
  refused(
    'an interval that is a number',
    scanSpec('scanType: a, parameters: [a]').replace('1h', '1'),
    /spec\.scanSpec/,
  ),
];
