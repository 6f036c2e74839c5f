const REGIONAL = /^docker\.[a-z0-9-]+\.rep\.pkg\.dev$/i;
const NAMES = /^(?:(?:[\w-]+\.)*gcr\.io|(?:[\w-]+\.)*[\w-]+-docker\.pkg\.dev)$/i;
/** As Trivy compares it: in this letter case only. */
const TRIVY_KNOWS = /(?:^gcr\.io|\.gcr\.io|-docker\.pkg\.dev)$/;

/** Whether a registry host belongs to Artifact Registry or Container Registry. */
export function isGoogle(host: string): boolean {
  return NAMES.test(host) || REGIONAL.test(host);
}

/** Whether Trivy uses a key file for this host: pkg/fanal/image/registry/google in Trivy 0.74.0. */
export function trivyKnows(host: string): boolean {
  return TRIVY_KNOWS.test(host) && host !== 'mirror.gcr.io';
}
