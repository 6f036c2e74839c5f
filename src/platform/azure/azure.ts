import type { PlatformDefinition } from '../platform.ts';
import { off } from '../trivy-auth.ts';
import { ACR_TOKEN_USER } from './exchange.ts';
import { isAcr } from './hosts.ts';
import { readServicePrincipal } from './service-principal.ts';

/** Azure Container Registry. */
export const azure: PlatformDefinition<'Azure'> = {
  name: 'Azure',
  owns: isAcr,
  // Without a tenant, Trivy uses no cloud identity. Otherwise, Trivy would prefer one to the delivered login.
  off: off('AZURE_TENANT_ID'),
  publicUsernames: [ACR_TOKEN_USER],
  readSecret: readServicePrincipal,
};
