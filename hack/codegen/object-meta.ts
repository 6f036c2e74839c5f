import type { Schema } from './crd.ts';

const text = (description: string): Schema => ({ description, type: 'string' });
const texts = (description: string): Schema => ({
  description,
  type: 'object',
  additionalProperties: { type: 'string' },
});

/**
 * The parts of an object's metadata that the controller reads or writes, as in JSON. They are described here, because a
 * CRD cannot describe `metadata`, which belongs to the API server.
 */
export const objectMeta: Schema = {
  title: 'ObjectMeta',
  description:
    'The parts of `metadata` that the controller reads or writes, as in JSON: times are RFC 3339 strings.',
  type: 'object',
  required: ['name'],
  properties: {
    name: text('Unique among the objects of its kind in the namespace.'),
    namespace: text('The namespace; absent in a file that leaves it to the command line.'),
    uid: text('Distinguishes the object from earlier and later objects of the same name.'),
    resourceVersion: text('Changes with every write. A client sends it back as a precondition.'),
    generation: { description: 'Number of changes to spec.', type: 'integer' },
    creationTimestamp: text('When the object was created.'),
    deletionTimestamp: text('When the object is to be deleted; absent before its deletion was requested.'),
    labels: texts('The labels that selectors match.'),
    annotations: texts('Metadata that selectors do not match.'),
    ownerReferences: {
      description: 'The owners of the object. It is deleted with its last owner.',
      type: 'array',
      items: {
        title: 'OwnerReference',
        description: 'An object of the same namespace, or a cluster-scoped one, that owns this one.',
        type: 'object',
        required: ['apiVersion', 'kind', 'name', 'uid'],
        properties: {
          apiVersion: text("The owner's group and version."),
          kind: text("The owner's kind."),
          name: text("The owner's name."),
          uid: text("The owner's UID."),
          controller: { description: 'Whether the owner manages this object.', type: 'boolean' },
          blockOwnerDeletion: {
            description: 'Whether a foreground deletion of the owner waits for this object.',
            type: 'boolean',
          },
        },
      },
    },
  },
};

/**
 * All of an object's metadata that a manifest may contain:
 * https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.37/#objectmeta-v1-meta
 */
export const wholeObjectMeta: Schema = {
  title: objectMeta.title ?? '',
  description: 'Standard metadata of a Kubernetes object.',
  type: 'object',
  anyOf: [{ required: ['name'] }, { required: ['generateName'] }],
  properties: {
    ...objectMeta.properties,
    // Go programs write null for a time that is not set.
    creationTimestamp: { description: 'When the object was created.', type: ['string', 'null'] },
    generateName: text('A prefix, to which the API server appends a suffix to make a unique name.'),
    deletionGracePeriodSeconds: { description: 'Seconds until a requested deletion.', type: 'integer' },
    finalizers: {
      description: 'Names of the clients that must act before the object is deleted.',
      type: 'array',
      items: { type: 'string' },
    },
    managedFields: {
      description: 'Which client set which field. The API server writes this.',
      type: 'array',
      items: { type: 'object' },
    },
    selfLink: text('Deprecated. The API server no longer sets it.'),
  },
};
