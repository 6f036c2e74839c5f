import type { KubeConfig } from '@kubernetes/client-node';
import { imageCredentialBindings } from '../../api/index.ts';
import type { RawBinding } from '../../binding/index.ts';
import { compareText } from '../../text/index.ts';
import {
  type CommandScope,
  checkNamespaces,
  emptyNamespaces,
  listAll,
  withCluster,
} from '../cluster/index.ts';
import { type AuditRow, auditRow } from './row.ts';

/**
 * The rows of all bindings of a scope, by namespace and name, read with the rights of whoever asks.
 *
 * @throws UserError where the API server cannot be reached, refuses, or lacks a namespace or our CRD
 */
export async function readRows(config: KubeConfig, scope: CommandScope): Promise<readonly AuditRow[]> {
  const purpose = { scope, needs: 'list imagecredentialbindings' };
  return withCluster(config, purpose, 'audit', async (client) => {
    // The CRD has checked the shape.
    const rows = await listAll(client, imageCredentialBindings, { scope }, (object) =>
      auditRow(object as RawBinding),
    );
    await checkNamespaces(client, emptyNamespaces(scope, rows));
    return rows.toSorted((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name));
  });
}
