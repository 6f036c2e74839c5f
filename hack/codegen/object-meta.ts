import type { Schema } from './crd.ts';

const text = (description: string): Schema => ({ description, type: 'string' });
const texts = (description: string): Schema => ({
  description,
  type: 'object',
  additionalProperties: { type: 'string' },
});

/**
 * The parts of an object's metadata that we read or write, as they stand in JSON. A CRD may not describe
 * them (`metadata` is the API server's own), so they stand here.
 */
export const objectMeta: Schema = {
  title: 'ObjectMeta',
  description:
    'The parts of `metadata` that we read or write, as they stand in JSON: times are RFC 3339 strings.',
  type: 'object',
  required: ['name'],
  properties: {
    name: text('Unique among the objects of its kind in the namespace.'),
    namespace: text('The namespace; absent in a file that leaves it to the command line.'),
    uid: text('Tells the object from one of the same name before or after it.'),
    resourceVersion: text('Changes with every write; to be sent back as a precondition.'),
    generation: { description: 'Counts the changes of spec.', type: 'integer' },
    creationTimestamp: text('When the object was created.'),
    deletionTimestamp: text('When the object is to be gone, once its deletion has been asked for.'),
    labels: texts('What selectors look at.'),
    annotations: texts('Everything else that others have to say about the object.'),
    ownerReferences: {
      description: 'The objects that this one goes with.',
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
