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
 * Reads all bindings of a scope with the rights of the user, and returns their rows sorted by namespace and name.
 *
 * @throws UserError if the API server cannot be reached or refuses, or if a namespace or our CRD does not exist
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
