import { Argument, type Command } from 'commander';
import { commandWithHelp } from '../help.ts';
import { SCRIPTS } from './scripts.ts';

/** `image-credential-binding completion SHELL`: prints a script that completes commands, flags and values. */
export function completionCommand(): Command {
  return commandWithHelp('completion', {
    notes:
      'Prints a script. To load it in each shell:\n' +
      '  bash: source <(image-credential-binding completion bash), in ~/.bashrc\n' +
      '  zsh:  source <(image-credential-binding completion zsh), in ~/.zshrc after compinit\n' +
      '  fish: image-credential-binding completion fish | source, in ~/.config/fish/config.fish\n' +
      'kubectl needs no script for "kubectl icb": it runs kubectl_complete-icb, which is installed beside kubectl-icb. Only the\n' +
      'completion of kubectl itself must be loaded (kubectl completion --help).',
    exitCodes: ['0  printed', '2  incorrect usage'],
    examples: ['% completion bash', '% completion zsh', '% completion fish'],
  })
    .description('Print a script for a shell that completes commands, flags and their values.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SCRIPTS)))
    .action((shell: keyof typeof SCRIPTS) => {
      process.stdout.write(SCRIPTS[shell]);
    });
}
