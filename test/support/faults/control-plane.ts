import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { ControlPlane } from '../../../hack/testenv/control-plane/control-plane.ts';
import { FaultProxy, type FaultProxyOptions } from './proxy.ts';

/** A proxy before the API server of a control plane, with its certificate: clients that trust that trust the proxy. */
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

/** The administrator's configuration, to the proxy where one is given. */
export function adminConfig(controlPlane: ControlPlane, proxy?: FaultProxy): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(controlPlane.kubeconfig);
  if (proxy === undefined) return config;
  const clusters = config.clusters.map((cluster) => ({ ...cluster, server: proxy.url }));
  config.loadFromOptions({ ...config, clusters });
  return config;
}
