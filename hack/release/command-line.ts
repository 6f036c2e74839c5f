import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundledFiles } from '../build/index.ts';
import { ROOT } from '../root.ts';
import { packed, type ReleaseFile } from './file.ts';

/** The lowest major version of Node that runs the bundle. */
const MIN_NODE = 24;
/** Under this name, kubectl finds the program on the PATH. */
const PROGRAM = 'kubectl-icb';
/** Under this name, kubectl finds the program that completes the words of {@link PROGRAM}. */
const COMPLETION = 'kubectl_complete-icb';
/** What each launcher runs: the name of its file, and the first words of the command line. */
const LAUNCHERS: readonly Launcher[] = [
  { name: PROGRAM, words: '' },
  { name: COMPLETION, words: ' __complete' },
];
const PLATFORMS = ['linux', 'darwin', 'windows'].flatMap((os) =>
  ['amd64', 'arm64'].map((architecture) => ({ os, architecture })),
);

interface Launcher {
  readonly name: string;
  readonly words: string;
}

/** An archive of the command line for one platform. */
export interface CommandLineArchive extends ReleaseFile {
  /** As Go names it. */
  readonly os: string;
  /** As Go names it. */
  readonly architecture: string;
  /** Path of the program in the archive. */
  readonly program: string;
}

const launcher = (words: string) => `#!/bin/sh
# Starts the command line of image-credential-binding, which needs Node ${MIN_NODE} or later.
program=$0
# Krew runs this file through a symbolic link.
while [ -L "$program" ]; do
  target=$(readlink "$program")
  case $target in
    /*) program=$target ;;
    *) program=$(dirname "$program")/$target ;;
  esac
done
if ! command -v node >/dev/null 2>&1; then
  echo 'error: expected Node ${MIN_NODE} or later on the PATH, found none; install it (https://nodejs.org)' >&2
  exit 2
fi
exec node "$(dirname "$program")/lib/${PROGRAM}"${words} "$@"
`;

/** A batch file needs CRLF. */
const windowsLauncher = (words: string) =>
  `@echo off
rem Starts the command line of image-credential-binding, which needs Node ${MIN_NODE} or later.
where /q node
if errorlevel 1 (
  echo error: expected Node ${MIN_NODE} or later on the PATH, found none; install it ^(https://nodejs.org^) 1>&2
  exit /b 2
)
node "%~dp0lib\\${PROGRAM}"${words} %*
`.replaceAll('\n', '\r\n');

/** Old JavaScript, so that any Node can read it. Its name tells the command line that it is a plug-in of kubectl. */
const start = `'use strict';
var major = Number(process.versions.node.split('.')[0]);
if (major >= ${MIN_NODE}) import('./main.mjs');
else {
  process.stderr.write(
    'error: expected Node ${MIN_NODE} or later, found ' + process.version + ' (' + process.execPath + '); ' +
      'put Node ${MIN_NODE} first in the PATH\\n'
  );
  process.exitCode = 2;
}
`;

const readme = (version: string) => `# kubectl icb ${version}

The command line of image-credential-binding. It needs Node ${MIN_NODE} or later on the PATH, on every platform: \`node --version\`.

Unpack this archive into a folder, and add the folder to the PATH. Then run \`kubectl icb --help\`, or \`${PROGRAM} --help\` without
kubectl. The folder \`lib\` must stay beside the program. kubectl runs \`${COMPLETION}\` to complete the words after \`kubectl icb\`.

\`lib/THIRD-PARTY-LICENSES.txt\` contains the licenses of the packages in the program.
`;

/** The archives of the command line. They differ only in the launcher. None contains Node. */
export async function commandLineArchives(version: string): Promise<readonly CommandLineArchive[]> {
  const common = [
    { path: 'LICENSE', content: await readFile(join(ROOT, 'LICENSE')) },
    { path: 'README.md', content: readme(version) },
    { path: `lib/${PROGRAM}`, content: start },
    // Otherwise, a package.json above the folder decides how Node reads the file without an extension.
    { path: 'lib/package.json', content: '{ "type": "commonjs" }\n' },
    ...Array.from(await bundledFiles(), ([path, content]) => ({ path: `lib/${path}`, content })),
  ];
  const forUnix = ({ name, words }: Launcher) => ({ path: name, content: launcher(words), mode: 0o755 });
  const forWindows = ({ name, words }: Launcher) => ({
    path: `${name}.cmd`,
    content: windowsLauncher(words),
  });
  const unix = await packed([...LAUNCHERS.map(forUnix), ...common]);
  const windows = await packed([...LAUNCHERS.map(forWindows), ...common]);
  return PLATFORMS.map(({ os, architecture }) => ({
    ...{ os, architecture },
    path: `${PROGRAM}-${version}-${os}-${architecture}.tar.gz`,
    ...(os === 'windows'
      ? { program: `${PROGRAM}.cmd`, content: windows }
      : { program: PROGRAM, content: unix }),
  }));
}
