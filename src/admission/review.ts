import { LONGEST_NAME } from '../object/index.ts';
import { parseScan, type RawScan } from '../scan/index.ts';
import { isRecord, readObject } from '../text/index.ts';
import type { Operation } from './patch.ts';

const API_VERSION = 'admission.k8s.io/v1';
/** Longest UID, in characters. A UID has 36. */
const LONGEST_UID = 128;

/** A request to create an object. */
export interface Review {
  /** Identifies the request in the response. */
  readonly uid: string;
  readonly namespace: string;
  readonly isDryRun: boolean;
  /** undefined: the request is not about the creation of a Scan that the CRD accepts. */
  readonly scan: RawScan | undefined;
}

/**
 * Parses the body of an AdmissionReview (admission.k8s.io/v1). The API server has not validated the object yet, and any
 * client that reaches the port may have sent the body.
 *
 * @returns undefined: it is not an AdmissionReview that can be answered
 */
export function parseReview(body: string): Review | undefined {
  const review = readObject(body);
  const request = review?.['request'];
  if (review?.['apiVersion'] !== API_VERSION || !isRecord(request)) return undefined;
  const { uid, namespace = '', name = '', dryRun = false } = request;
  if (!isShort(uid, LONGEST_UID) || !isShort(namespace, LONGEST_NAME) || !isShort(name, LONGEST_NAME))
    return undefined;
  const scan = isScanCreation(request) ? parseScan(request['object'], { namespace, name }) : undefined;
  return { uid, namespace, isDryRun: dryRun === true, scan };
}

function isScanCreation({ operation, kind, subResource = '' }: Readonly<Record<string, unknown>>): boolean {
  if (operation !== 'CREATE' || subResource !== '' || !isRecord(kind)) return false;
  return kind['group'] === 'execution.securecodebox.io' && kind['kind'] === 'Scan';
}

function isShort(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length <= most;
}

/** The body of the response that allows the request. */
export function allowing({ uid }: Pick<Review, 'uid'>, patch: readonly Operation[]): string {
  const patched =
    patch.length === 0
      ? {}
      : { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') };
  return JSON.stringify({
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    response: { uid, allowed: true, ...patched },
  });
}
