import { expectSame, Unexpected, untilSame } from '../scenario/index.ts';
import { expectRefused, expectScanned, runAgain, showRun } from './scans.ts';
import { NAMESPACE, newPassword, type Stage, USERNAME } from './stage.ts';

const PULL_SECRET = 'registry-example-org';
const SPEC = `kubectl get scheduledscan payments -n ${NAMESPACE} -o jsonpath='{.spec}{"\\n"}'`;
const VERSION = `kubectl get scheduledscan payments -n ${NAMESPACE} -o custom-columns=GENERATION:.metadata.generation,RESOURCEVERSION:.metadata.resourceVersion`;

/**
 * Step 1: without a binding, the registry refuses Trivy.
 *
 * @returns the ScheduledScan's spec, as JSON
 */
export async function withoutBinding(stage: Stage): Promise<string> {
  const { story, shell, registry } = stage;
  story.say(`The image is in a registry that requires a password. The namespace contains the password in a pull
secret, as pods need it. But Trivy does not pull images through the kubelet. It signs in itself, and
does not get the password.

(The examples name registry.example.org. The demo replaces that with its own registry,
${registry.host}, and changes nothing else.)`);
  await shell.show(`kubectl create secret ${pullSecret(stage)}`, { PASSWORD: stage.password });
  const run = stage.secureCodeBox.nextRun(NAMESPACE, 'payments');
  await shell.show(applied(stage, 'scheduled-scan.yaml'));
  story.say('A new ScheduledScan runs at once:');
  expectRefused(await showRun(stage, run));
  story.say('Refused, as expected. This is the spec of the scan, for comparison in step 4:');
  return shell.show(SPEC);
}

/**
 * Step 2: with a binding, Trivy scans.
 *
 * @returns the name of the Secret that Trivy mounts, and the ID of the image
 */
export async function withBinding(stage: Stage): Promise<{ trivySecret: string; imageId: string }> {
  const { story, shell, secureCodeBox } = stage;
  // The controller starts it as soon as it has bound the scan, because the last run failed.
  const run = secureCodeBox.nextRun(NAMESPACE, 'payments');
  story.say(`An ImageCredentialBinding names an image and its pull secrets. The controller finds the entry of the
secret that fits the image, copies it into a Secret in the format that Trivy reads, and binds the
scans of that image to it.`);
  await shell.show(applied(stage, 'binding.yaml'));
  await shell.show(`kubectl wait icb/payments -n ${NAMESPACE} --for=condition=Ready --timeout=30s`);
  await shell.show(`kubectl get icb -n ${NAMESPACE}`);
  story.say(`The controller has added three kinds of entries to the scan: the Secret as a volume, its mount, and
variables that point Trivy to it. The empty variables clear credentials that Trivy would send to every
registry.`);
  const lists = ['volumes', 'volumeMounts', 'env'].map((list) => `${list}: {.spec.scanSpec.${list}}{"\\n"}`);
  await shell.show(`kubectl get scheduledscan payments -n ${NAMESPACE} -o jsonpath='${lists.join('')}'`);
  const trivySecret = await mountedSecret(stage);
  story.say(
    'The Secret contains only this credential, as a Docker config file (kubectl does not show the value):',
  );
  await shell.show(`kubectl describe secret ${trivySecret} -n ${NAMESPACE}`);
  story.say('The last Scan failed, so the controller starts another one:');
  const imageId = expectScanned(await showRun(stage, run));
  story.say('Scanned.');
  return { trivySecret, imageId };
}

/** Step 3: the password changes, and Trivy continues to scan. */
export async function afterRotation(
  stage: Stage,
  { trivySecret, imageId }: { readonly trivySecret: string; readonly imageId: string },
): Promise<void> {
  const { story, shell, registry, password: old } = stage;
  story.say('Now the password changes. First in the registry:');
  const fresh = newPassword();
  await registry.setPassword(fresh);
  await showAnswer(stage, 'old', { password: old, expected: 401 });
  await showAnswer(stage, 'new', { password: fresh, expected: 200 });
  story.say(`Then in the pull secret. The controller follows with a single write, to its own Secret. It does not
touch the scan. The resource version of the scan proves this, because any write would change it:`);
  const before = await shell.show(VERSION);
  await shell.show(
    `kubectl create secret ${pullSecret(stage)} --dry-run=client -o yaml | kubectl replace -f -`,
    {
      PASSWORD: fresh,
    },
  );
  const annotation = String.raw`{.metadata.annotations.credentials\.securecodebox\.io/rotated}`;
  await shell.show(
    `kubectl wait secret/${trivySecret} -n ${NAMESPACE} --for=jsonpath='${annotation}' --timeout=30s`,
  );
  expectSame('generation and resource version of the ScheduledScan', before, await shell.show(VERSION));
  story.say(
    'The resource version is the same as before. The scan runs again, started as `scbctl trigger payments` does:',
  );
  expectSame('the image that Trivy scanned', imageId, expectScanned(await runAgain(stage)));
  story.say('Scanned with the new password, because the registry refuses the old one.');
}

/** Step 4: without the binding, the scan reverts to its original spec. */
export async function afterDeletion({ story, shell }: Stage, original: string): Promise<void> {
  story.say(`When the binding is deleted, the controller removes its entries from the scan. (It deletes its Secret
ten minutes later, because scans that still run may need it.)`);
  await shell.show(`kubectl delete icb payments -n ${NAMESPACE}`);
  await untilSame('the spec of the ScheduledScan', original.trimEnd(), {
    read: () => shell.read(SPEC),
    seconds: 30,
  });
  expectSame('the spec of the ScheduledScan', original, await shell.show(SPEC));
  story.say('This is the spec of step 1.');
}

function pullSecret({ registry }: Stage): string {
  return `docker-registry ${PULL_SECRET} -n ${NAMESPACE} --docker-server=${registry.host} --docker-username=${USERNAME} --docker-password="$PASSWORD"`;
}

/** A command that applies an example with the demo's registry. */
function applied({ registry }: Stage, example: string): string {
  const replaced = String.raw`sed 's/registry\.example\.org/${registry.host}/' docs/examples/${example}`;
  return `${replaced} | kubectl apply -n ${NAMESPACE} -f -`;
}

async function mountedSecret({ shell }: Stage): Promise<string> {
  const path = '{.spec.scanSpec.volumes[?(@.name=="image-credential-binding")].secret.secretName}';
  const name = await shell.read(`kubectl get scheduledscan payments -n ${NAMESPACE} -o jsonpath='${path}'`);
  if (name !== '') return name;
  throw new Unexpected('the ScheduledScan to have the volume image-credential-binding', 'no such volume');
}

async function showAnswer(
  { story, registry }: Stage,
  which: string,
  { password, expected }: { readonly password: string; readonly expected: number },
): Promise<void> {
  const url = `http://${registry.host}/v2/`;
  const { status } = await fetch(url, {
    headers: { authorization: `Basic ${btoa(`${USERNAME}:${password}`)}` },
  });
  const answer = `GET ${url} with the ${which} password`;
  story.output(`${answer}: ${status}`);
  expectSame(`the status of ${answer}`, String(expected), String(status));
}
