// https://kubernetes.io/docs/concepts/overview/working-with-objects/names/

/** Longest name of an object, in characters. */
export const LONGEST_NAME = 253;

/** Matches a name that is a DNS label (RFC 1123), as the names of namespaces are. */
export const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Matches a name that is a DNS subdomain (RFC 1123), as the names of most objects are. In a reference to an object, the
 * API server accepts any text.
 */
export const DNS_SUBDOMAIN =
  /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
