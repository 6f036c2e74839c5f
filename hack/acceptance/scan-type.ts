import { UserError } from '../../src/cli/index.ts';
import type { KubeClient } from '../../src/kube/index.ts';
import { type KubeObject, keyOf } from '../../src/object/index.ts';
import { compareText } from '../../src/text/index.ts';
import type { ObjectName } from './options.ts';
import { ifFound, PARSE_DEFINITIONS, SCAN_TYPES, type Workspace } from './workspace.ts';

/** The name of Trivy's ScanType for images in secureCodeBox's chart. */
const USUAL_NAME = 'trivy-image';

/** The CRD guarantees this structure. */
interface ScanType extends KubeObject {
  readonly spec: { readonly extractResults?: { readonly type?: string } };
}

/** A ScanType, and the ParseDefinition of its results. */
export interface ScanTypeSource {
  readonly scanType: ScanType;
  /** undefined: it does not exist. The operator reports that if it needs one. */
  readonly parser: (KubeObject & { readonly spec?: unknown }) | undefined;
}

/**
 * Reads the ScanType that the user names, or else the first one with the usual name.
 *
 * @throws UserError if there is none
 */
export async function readScanType(
  client: KubeClient,
  named: ObjectName | undefined,
): Promise<ScanTypeSource> {
  const place = named ?? (await usualScanType(client));
  const scanType = await ifFound(client.get<ScanType>(SCAN_TYPES, place));
  if (scanType === undefined) {
    throw new UserError(
      `the ScanType ${keyOf(place)} does not exist; list them with kubectl get scantypes -A, and correct --scan-type`,
    );
  }
  const { namespace } = place;
  const name = scanType.spec.extractResults?.type ?? '';
  const parser = name === '' ? undefined : await ifFound(client.get(PARSE_DEFINITIONS, { namespace, name }));
  return { scanType, parser };
}

async function usualScanType(client: KubeClient): Promise<ObjectName> {
  const selection = { fieldSelector: `metadata.name=${USUAL_NAME}`, metadataOnly: true };
  const { items } = await client.list(SCAN_TYPES, selection);
  const [namespace] = items.map(({ metadata }) => metadata.namespace ?? '').toSorted(compareText);
  if (namespace !== undefined) return { namespace, name: USUAL_NAME };
  throw new UserError(
    `expected a ScanType ${USUAL_NAME} in some namespace, found none; install Trivy (helm upgrade --install trivy ` +
      'oci://ghcr.io/securecodebox/helm/trivy), or name its ScanType with --scan-type',
  );
}

/** Creates both in the namespace of the run, because the operator looks for them where the Scan is. */
export async function copyScanType(
  workspace: Workspace,
  { scanType, parser }: ScanTypeSource,
): Promise<void> {
  await workspace.create(SCAN_TYPES, { metadata: { name: scanType.metadata.name }, spec: scanType.spec });
  if (parser === undefined) return;
  await workspace.create(PARSE_DEFINITIONS, { metadata: { name: parser.metadata.name }, spec: parser.spec });
}
