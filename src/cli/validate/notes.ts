import type { ValidBinding } from '../../binding/index.ts';
import type { Preview } from '../../controllers/index.ts';
import { bindingsForImage, type RivalLookup, rivalsAmong } from '../../policy/index.ts';
import {
  deliveryOf,
  hasExpired,
  loginProblems,
  observersAmong,
  predict,
  problemsOf,
  unmatchedOf,
} from '../explain/index.ts';
import { bindingNotes } from './bindings.ts';
import type { Note } from './missing-secrets.ts';
import type { Namespace } from './namespace.ts';
import { scanNotes } from './scans.ts';

/** A note, and the object that it is about. */
export interface ObjectNote extends Note {
  readonly kind: string;
  /** Name of the object. */
  readonly object: string;
}

/** A binding, and what the controller would report about it. */
interface Previewed {
  readonly binding: ValidBinding;
  readonly preview: Preview;
}

/** What the controller would report about the objects of a namespace, as far as a user should act on it. */
export function notesOf(namespace: Namespace): readonly ObjectNote[] {
  const { inventory } = namespace;
  const previewed = inventory.bindings.flatMap((binding) => {
    const preview = binding.validity === 'Valid' ? predict(binding, inventory) : undefined;
    return binding.validity !== 'Valid' || preview === undefined ? [] : [{ binding, preview }];
  });
  const rivals = rivalsAmong(inventory.bindings);
  // A scan with the image of a binding is reported with the reason why the binding does not match it.
  const unmatched = unmatchedOf(inventory).filter(
    ({ image }) => image !== undefined && bindingsForImage(image, rivals).next().done === true,
  );
  return [
    ...previewed.flatMap(({ binding, preview }) =>
      on('ImageCredentialBinding', binding.name, bindingNotes(binding, preview, namespace, unmatched)),
    ),
    ...secretNotes(namespace, previewed),
    ...allScanNotes(namespace, previewed, rivals),
  ];
}

function on(kind: string, object: string, notes: readonly Note[]): readonly ObjectNote[] {
  return notes.map((note) => ({ ...note, kind, object }));
}

/** What is wrong with the Secrets that bindings name, each once. */
function secretNotes({ inventory }: Namespace, previewed: readonly Previewed[]): readonly ObjectNote[] {
  const now = Date.now();
  const named = new Set(previewed.flatMap(({ binding }) => binding.imagePullSecrets));
  const candidates = previewed.flatMap(({ preview }) => preview.credentials.candidates);
  const messages = Map.groupBy(
    [
      ...inventory.secrets
        .filter(({ name }) => named.has(name))
        .flatMap((secret) => problemsOf(secret).map((message) => ({ secret: secret.name, message }))),
      ...candidates.flatMap((one) =>
        loginProblems(one, now).map((message) => ({ secret: one.secret, message })),
      ),
    ],
    ({ secret }) => secret,
  );
  return [...messages].flatMap(([secret, found]) => {
    const unique = new Set(found.map(({ message }) => message));
    return on(
      'Secret',
      secret,
      Array.from(unique, (message) => ({ severity: 'warning', message })),
    );
  });
}

function allScanNotes(
  { inventory }: Namespace,
  previewed: readonly Previewed[],
  rivals: RivalLookup,
): readonly ObjectNote[] {
  const previews = new Map(previewed.map(({ binding, preview }) => [binding.name, preview]));
  const observers = observersAmong(inventory.bindings);
  const now = Date.now();
  const envOf = ({ name, image, verification }: ValidBinding) => {
    const candidates = previews.get(name)?.credentials.candidates ?? [];
    const usable = candidates.find((one) => verification === 'Never' || !hasExpired(one, now));
    return deliveryOf(usable, image).delivered.env;
  };
  return inventory.scheduledScans.flatMap((scan) =>
    on('ScheduledScan', scan.name, scanNotes(scan, { rivals, observers, envOf })),
  );
}
