import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProcessGroup } from '../../../hack/testenv/processes/process-group.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

/** What the real Trivy does with a list of parameters. */
export type Outcome =
  /** It tries to pull this argument. */
  | { readonly outcome: 'Pulls'; readonly image: string }
  /** It takes this argument for the image, but its name is not valid. */
  | { readonly outcome: 'RefusesName'; readonly image: string }
  /** The list is well-formed, but Trivy does not accept the value of a flag, such as an unknown severity. */
  | { readonly outcome: 'RefusesValue' }
  /** It does not know a flag. */
  | { readonly outcome: 'UnknownFlag' }
  /** It does not accept the list, or prints something and scans nothing. */
  | { readonly outcome: 'RefusesList' }
  /** It scans an archive. */
  | { readonly outcome: 'ReadsArchive' };

const PULLS = /unable to find the specified image (?<quoted>"(?:[^"\\]|\\.)*") in \[/;
const NAME = /could not parse reference: (?<image>.*)$/m;

/** Runs the real Trivy, with no network. */
export class Trivy implements AsyncDisposable {
  readonly #program: string;
  readonly #group: ProcessGroup;

  private constructor(program: string, group: ProcessGroup) {
    this.#program = program;
    this.#group = group;
  }

  static async start(): Promise<Trivy> {
    const { trivy } = await tools(['trivy'], (line) => process.stderr.write(`${line}\n`));
    return new Trivy(trivy, await ProcessGroup.start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#group[Symbol.asyncDispose]();
  }

  /** The output of `trivy image --help`. */
  async help(): Promise<string> {
    const { stdout } = await this.#group.run(this.#program, ['image', '--help']);
    return stdout;
  }

  /** @param worker - runs with different workers may overlap */
  async outcome(parameters: readonly string[], worker = 0): Promise<Outcome & { readonly stderr: string }> {
    const cwd = join(this.#group.directory, `worker-${worker}`);
    await mkdir(cwd, { recursive: true });
    const env = {
      ...{ HOME: cwd, TRIVY_CACHE_DIR: join(cwd, 'cache'), TRIVY_SKIP_VERSION_CHECK: 'true' },
      // Without these, Trivy asks for its database, or looks for the image in a local Docker first.
      ...{ TRIVY_SCANNERS: 'secret', TRIVY_IMAGE_SRC: 'remote', TRIVY_DISABLE_TELEMETRY: 'true' },
      // Nothing listens on this port.
      ...{ HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' },
    };
    const { stderr } = await this.#group.run(this.#program, ['image', ...parameters], {
      cwd,
      env,
      input: '',
    });
    return { ...outcomeIn(stderr), stderr };
  }
}

function outcomeIn(stderr: string): Outcome {
  const quoted = PULLS.exec(stderr)?.groups?.['quoted'];
  // Go quotes printable ASCII as JSON does.
  if (quoted !== undefined) return { outcome: 'Pulls', image: JSON.parse(quoted) as string };
  if (stderr.includes('flag error:') && !stderr.includes('removed flag ('))
    return { outcome: 'RefusesValue' };
  const name = NAME.exec(stderr)?.groups?.['image'];
  if (name !== undefined) return { outcome: 'RefusesName', image: name };
  if (/unable to open .* as a Docker image/.test(stderr)) return { outcome: 'ReadsArchive' };
  if (/unknown (?:shorthand )?flag: /.test(stderr)) return { outcome: 'UnknownFlag' };
  // Trivy checks some values only when it runs.
  return { outcome: stderr.includes('run error:') ? 'RefusesValue' : 'RefusesList' };
}
