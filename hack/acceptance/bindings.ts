import {
  conditionOf,
  type ImageCredentialBindingSpec,
  type ImageCredentialBindingStatus,
  imageCredentialBindings,
  readinessOf,
} from '../../src/api/index.ts';
import { type ImageReference, parseImageReference, repositoryName } from '../../src/image/index.ts';
import type { KubeObject } from '../../src/object/index.ts';
import { eventually, type Progress, Unexpected } from '../scenario/index.ts';
import type { Workspace } from './workspace.ts';

const NAME = 'acceptance';
/** The controller binds within 30 seconds even if it cannot verify, and checks a missing manifest again after a minute. */
const SECONDS = 180;
const POLL_MS = 250;

export interface Binding extends KubeObject {
  readonly spec: ImageCredentialBindingSpec;
  readonly status?: ImageCredentialBindingStatus;
}

/** Creates a binding of the repository. */
export async function createBinding(
  workspace: Workspace,
  image: ImageReference,
  pullSecret: string,
): Promise<void> {
  await workspace.create(imageCredentialBindings, {
    metadata: { name: NAME },
    spec: { image: repositoryName(image), imagePullSecrets: [{ name: pullSecret }] },
  });
}

/** Changes the repository of the binding from {@link createBinding}. The previous one goes to `spec.replaces`. */
export async function migrateBinding(
  workspace: Workspace,
  {
    from,
    to,
    pullSecret,
  }: { readonly from: ImageReference; readonly to: ImageReference; readonly pullSecret: string },
): Promise<void> {
  const replaces = [repositoryName(from)];
  const imagePullSecrets = [{ name: pullSecret }];
  await workspace.patch(imageCredentialBindings, NAME, {
    spec: { image: repositoryName(to), replaces, imagePullSecrets },
  });
}

/** Deletes all bindings of the namespace. Returns their names. */
export async function deleteBindings(workspace: Workspace): Promise<readonly string[]> {
  const names = (await listBindings(workspace)).map(({ metadata }) => metadata.name);
  for (const name of names) await workspace.delete(imageCredentialBindings, name);
  return names;
}

export async function listBindings(workspace: Workspace): Promise<readonly Binding[]> {
  return (await workspace.list(imageCredentialBindings)) as readonly Binding[];
}

/**
 * Waits until a binding of the repository has found a credential, and its checks have ended.
 *
 * @throws Unexpected at once if the registry refuses the credential
 */
export async function resolvedBinding(workspace: Workspace, image: ImageReference): Promise<Binding> {
  return bindingWhen(workspace, image, 'with a credential', (binding) => {
    const resolved = currentCondition(binding, 'CredentialResolved');
    const verified = currentCondition(binding, 'CredentialVerified');
    if (verified?.status === 'False')
      throw new Unexpected(
        'the registry to accept the credential',
        `${verified.reason}: ${verified.message}`,
      );
    return resolved?.status === 'True' && verified !== undefined && verified.reason !== 'Verifying';
  });
}

/** Waits until a binding of the repository is Ready. */
export async function readyBinding(workspace: Workspace, image: ImageReference): Promise<Binding> {
  return bindingWhen(workspace, image, 'that is Ready', ({ status, metadata }) => {
    return readinessOf(status, metadata.generation ?? 0).status === 'True';
  });
}

async function bindingWhen(
  workspace: Workspace,
  image: ImageReference,
  wanted: string,
  holds: (binding: Binding) => boolean,
): Promise<Binding> {
  return eventually(`a binding of ${repositoryName(image)} ${wanted}`, {
    ...{ seconds: SECONDS, pollMs: POLL_MS, signal: workspace.signal },
    read: async (): Promise<Progress<Binding>> => {
      const all = await listBindings(workspace);
      const binding = all.find((each) => isOf(each, image));
      if (binding !== undefined && holds(binding)) return { result: 'Reached', value: binding };
      return { result: 'NotYet', found: binding === undefined ? 'no such binding' : describe(binding) };
    },
  });
}

function isOf({ spec }: Binding, image: ImageReference): boolean {
  return repositoryName(parseImageReference(spec.image)) === repositoryName(image);
}

function describe({ metadata, status }: Binding): string {
  const { status: ready, reason, message } = readinessOf(status, metadata.generation ?? 0);
  return `the binding ${metadata.name}, of which Ready is ${ready} (${reason}): ${message}`;
}

function currentCondition({ status, metadata }: Binding, type: 'CredentialResolved' | 'CredentialVerified') {
  const condition = conditionOf(status, type);
  return condition?.observedGeneration === metadata.generation ? condition : undefined;
}

/** What the controller says about the check of the credential with the registry. */
export function verification({ status }: Binding): string {
  const { status: state = 'Unknown', reason = 'None' } = conditionOf(status, 'CredentialVerified') ?? {};
  return `CredentialVerified is ${state} (${reason})`;
}
