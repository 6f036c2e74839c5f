/** One difference between a key and the keys that fit an image. */
export interface Difference {
  /** The higher, the less likely the entry is meant for the image. */
  readonly distance: number;
  /** A clause whose subject, "it", is the key: what was expected, and what was found. Has a bounded length. */
  readonly clause: string;
  readonly doubt?: Doubt;
}

/**
 * Why the entry may be right as it is. `Other`: it is probably meant for other images, so another entry is needed. `Typo`:
 * either the key or the image is misspelled, or the similarity is a coincidence.
 */
export type Doubt = 'Other' | 'Typo';

/**
 * Describes how a host differs from the host of an image, if both belong to one service: for example, two regions of a cloud.
 *
 * @param named - a host in lower case, without port
 * @returns a clause whose subject, "it", is `named`; undefined: the hosts do not belong to one service
 */
export type DescribeVariant = (named: string) => string | undefined;
