const REGIONAL = /^docker\.[a-z0-9-]+\.rep\.pkg\.dev$/;
const NAMES = /^(?:(?:[a-z0-9-]+\.)*gcr\.io|(?:[a-z0-9-]+\.)*[a-z0-9-]+-docker\.pkg\.dev)$/;

/** Whether a registry host belongs to Artifact Registry or Container Registry. */
export function isGoogle(host: string): boolean {
  return NAMES.test(host) || REGIONAL.test(host);
}

/** Whether Trivy uses a key file for this host: pkg/fanal/image/registry/google in Trivy 0.74.0. */
export function trivyKnows(host: string): boolean {
  return NAMES.test(host) && host !== 'mirror.gcr.io';
}
