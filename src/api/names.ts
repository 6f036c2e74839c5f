import { imageCredentialBindings } from './generated/image-credential-binding/resource.ts';

/** The API group. It is also the prefix of the annotations that other programs may read. */
export const GROUP = imageCredentialBindings.group;

/** On a ScheduledScan: the name of the binding to which it is bound. secureCodeBox copies it to each Scan. */
export const BINDING_ANNOTATION = `${GROUP}/binding` as const;

/** On a ScheduledScan: the requested run and its cause. secureCodeBox copies it to the next Scan that it creates. */
export const RUN_ANNOTATION = `${GROUP}/run` as const;

/**
 * On a Scan whose credential is not decided yet. `resume`: the controller has suspended the Scan, and resumes it.
 * `await-secret`: the same, but the Scan may wait longer, because its delivery is Temporary. `keep-suspended`: a user has created
 * the Scan suspended, so the controller binds it and does not resume it. `timed-out`: the Scan was held until the limit.
 */
export const HELD_ANNOTATION = `${GROUP}/held` as const;

/** On a Secret that the controller has created for one Scan, in addition to {@link MANAGED_BY_LABEL}, with the value `true`. */
export const TEMPORARY_LABEL = `${GROUP}/temporary` as const;

/** On every object that the controller owns, with the value {@link MANAGED_BY}. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';

/** The value of {@link MANAGED_BY_LABEL} on objects that the controller owns. */
export const MANAGED_BY = 'image-credential-binding';

/** On a discovered binding: the containers that use the image, as `Deployment/web/app`, separated by commas. */
export const WORKLOADS_ANNOTATION = `${GROUP}/workloads` as const;

/** RFC 3339 time since when the object has been unused. The controller deletes the object after the grace period. */
export const UNUSED_SINCE_ANNOTATION = `${GROUP}/unused-since` as const;
