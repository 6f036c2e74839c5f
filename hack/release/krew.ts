import { dump } from 'js-yaml';
import type { CommandLineArchive } from './command-line.ts';
import { type ReleaseFile, sha256 } from './file.ts';

/** The release that the manifest refers to. */
interface PublishedRelease {
  readonly version: string;
  /** URL of the repository on GitHub. */
  readonly repository: string;
}

/** URL of a file of a release on GitHub. */
function downloadUrl({ repository, version }: PublishedRelease, path: string): string {
  return `${repository}/releases/download/v${version}/${path}`;
}

/**
 * The manifest of the plug-in for krew: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/. Its file name must be
 * the plug-in's name. It omits Windows, where krew installs only `.exe` files (https://github.com/kubernetes-sigs/krew/issues/131).
 */
export function krewManifest(
  archives: readonly CommandLineArchive[],
  release: PublishedRelease,
): ReleaseFile {
  const manifest = {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'icb' },
    spec: {
      version: `v${release.version}`,
      homepage: release.repository,
      shortDescription: 'Inspect credentials of image scans in secureCodeBox',
      description:
        'Explains which pull secret fits an image, lists ImageCredentialBindings with their credential and status, and\n' +
        'unbinds ScheduledScans. The bindings let Trivy, run by secureCodeBox, scan images from private registries.\n',
      caveats:
        'The plug-in needs Node 24 or later on the PATH.\n' +
        'krew installs only kubectl-icb. So that kubectl completes the words after "kubectl icb", run this after each upgrade:\n' +
        `  ln -sf \${KREW_ROOT:-~/.krew}/store/icb/v${release.version}/kubectl_complete-icb \${KREW_ROOT:-~/.krew}/bin/\n`,
      platforms: archives
        .filter(({ os }) => os !== 'windows')
        .map((archive) => ({
          selector: { matchLabels: { os: archive.os, arch: archive.architecture } },
          uri: downloadUrl(release, archive.path),
          sha256: sha256(archive),
          bin: archive.program,
        })),
    },
  };
  return { path: 'icb.yaml', content: dump(manifest, { lineWidth: -1 }) };
}
