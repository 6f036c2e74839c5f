import { imageCredentialBindings } from './generated/image-credential-binding/resource.ts';

/** The API group, which is also the prefix of our annotations that are for others to read. */
export const GROUP = imageCredentialBindings.group;

/** On a ScheduledScan: the name of the binding that serves it. secureCodeBox copies it to each Scan. */
export const BINDING_ANNOTATION = `${GROUP}/binding` as const;

/** On a ScheduledScan: the run that is asked for, and why. secureCodeBox copies it to the Scan that it makes next. */
export const RUN_ANNOTATION = `${GROUP}/run` as const;

/** On every object that the controller owns, with the value {@link MANAGED_BY}. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** What {@link MANAGED_BY_LABEL} says of an object that is ours. */
export const MANAGED_BY = 'image-credential-binding';

/** On a binding of discovery: the containers of workloads that use the image, `Deployment/web/app`, by commas. */
export const WORKLOADS_ANNOTATION = `${GROUP}/workloads` as const;

/** On what goes when nothing has needed it for long: since when nothing does, in RFC 3339. */
export const UNUSED_SINCE_ANNOTATION = `${GROUP}/unused-since` as const;
