import { isDeepStrictEqual } from 'node:util';
import type { RawScan } from '../scan/index.ts';

/** An operation of a JSON patch (RFC 6902). */
export type Operation =
  | { readonly op: 'add'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** The fields of a Scan's spec that the controller edits. */
const FIELDS = ['parameters', 'env', 'volumes', 'volumeMounts', 'initContainers', 'suspend'] as const;

/**
 * The patch that turns a Scan into another one, which differs in annotations and in {@link FIELDS} only. It replaces whole
 * lists and maps, and removes only what the Scan has, so it can always be applied: `add` replaces a member that exists.
 */
export function patchOf(before: RawScan, after: RawScan): readonly Operation[] {
  const annotations = operation(
    '/metadata/annotations',
    before.metadata.annotations,
    after.metadata.annotations,
  );
  const fields = FIELDS.flatMap((field) =>
    operation(`/spec/${field}`, before.spec[field], after.spec[field]),
  );
  return [...annotations, ...fields];
}

/** https://github.com/kubernetes/apimachinery/blob/v0.37.2/pkg/api/validation/objectmeta.go, TotalAnnotationSizeLimitB */
const MOST_ANNOTATION_BYTES = 256 * 1024;

/** Whether the API server accepts the size of the annotations, to which the controller has added its own. */
export function hasRoom({ metadata: { annotations = {} } }: RawScan): boolean {
  const bytes = Object.entries(annotations)
    .flat()
    .map((text) => Buffer.byteLength(text));
  return bytes.reduce((sum, size) => sum + size, 0) <= MOST_ANNOTATION_BYTES;
}

function operation(path: string, before: unknown, after: unknown): readonly Operation[] {
  if (isDeepStrictEqual(before, after)) return [];
  return after === undefined ? [{ op: 'remove', path }] : [{ op: 'add', path, value: after }];
}
