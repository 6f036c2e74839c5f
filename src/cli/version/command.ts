import { type Command, Option } from 'commander';
import { commandWithHelp } from '../help.ts';

/**
 * `image-credential-binding version`: prints the versions of this program and of Node, and the platform. Contacts no cluster.
 *
 * @param version - the version of this program
 */
export function versionCommand(version: string): Command {
  return commandWithHelp('version', {
    notes: 'Contacts no cluster. --version prints only the version of this program.',
    exitCodes: ['0  printed', '2  incorrect usage'],
    examples: ['% version', '% version -o json'],
  })
    .description('Print the versions of this program and of Node, and the platform.')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .action(({ output }: { readonly output: string }) => {
      const platform = `${process.platform}/${process.arch}`;
      const versions = { clientVersion: version, nodeVersion: process.versions.node, platform };
      process.stdout.write(
        output === 'json'
          ? `${JSON.stringify(versions, undefined, 2)}\n`
          : `Client Version: ${version}\nNode Version: ${versions.nodeVersion}\nPlatform: ${platform}\n`,
      );
    });
}
