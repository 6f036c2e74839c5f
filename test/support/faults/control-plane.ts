import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { FaultProxy, type FaultProxyOptions } from './proxy.ts';

/**
 * Starts a proxy in front of the API server of a control plane. It has the API server's certificate, so clients trust
 * it.
 */
export async function startFaultProxy(
  controlPlane: ControlPlane,
  options: Pick<FaultProxyOptions, 'seed' | 'onRequest'>,
): Promise<FaultProxy> {
  const read = (file: string) => readFile(join(controlPlane.directory, file), 'utf8');
  const [cert, key, ca] = await Promise.all([
    read('apiserver.crt'),
    read('apiserver.key'),
    readFile(controlPlane.caFile, 'utf8'),
  ]);
  return FaultProxy.start({ ...options, upstream: controlPlane.server, ca, tls: { cert, key } });
}

/** The administrator's configuration, with the URL of the proxy if there is one. */
export function adminConfig(controlPlane: ControlPlane, proxy?: FaultProxy): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.kubeconfig);
  if (proxy === undefined) return config;
  const clusters = config.clusters.map((cluster) => ({ ...cluster, server: proxy.url }));
  config.loadFromOptions({ ...config, clusters });
  return config;
}
