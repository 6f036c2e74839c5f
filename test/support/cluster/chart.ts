import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { loadAll } from 'js-yaml';
import { CHART, ROOT } from '../../../hack/root.ts';
import { builtProgram } from '../../../hack/testenv/program.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';

/** The parts of a container that tests read. */
export interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly [field: string]: unknown;
}

/** The template of pods. */
export interface PodTemplate {
  readonly metadata: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly containers: readonly Container[];
    readonly volumes?: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
    readonly [field: string]: unknown;
  };
}

/** A rule of a Role. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The parts of a rendered object that tests read. Which fields exist depends on the kind. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly rules?: readonly Rule[];
  readonly spec?: Readonly<Record<string, unknown>> & { readonly template?: PodTemplate };
}

/** What to render. */
export interface Rendering {
  readonly release?: string;
  readonly namespace?: string;
  readonly values?: object;
  /** As for Helm's `--set`. */
  readonly set?: readonly string[];
}

/** The chart, rendered by Helm without a cluster. */
export class Chart {
  readonly #helm: string;

  private constructor(helm: string) {
    this.#helm = helm;
  }

  static async open(): Promise<Chart> {
    return new Chart((await tools(['helm'], (line) => process.stderr.write(`${line}\n`))).helm);
  }

  /** All objects. */
  objects(rendering: Rendering = {}): readonly Manifest[] {
    return loadAll(this.text(rendering)) as readonly Manifest[];
  }

  /** All objects as YAML, as Helm writes them. */
  text(rendering: Rendering = {}): string {
    const { status, stdout, stderr } = this.#template(rendering);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** The message with which Helm refuses these values. */
  refusal(values: object): string {
    const { status, stderr } = this.#template({ values });
    assert.equal(status, 1, `${JSON.stringify(values)} are taken`);
    return stderr;
  }

  /** The findings of `helm lint --strict` for these values; empty if there are none. */
  problems(values: object): string {
    const { status, stdout } = this.run(['lint', '--strict', CHART, '--values', '-'], values);
    return status === 0 && !/\[(?:INFO|WARNING|ERROR)\]/.test(stdout) ? '' : stdout;
  }

  /** Runs Helm with these values as its input. */
  run(args: readonly string[], values: object = {}) {
    return spawnSync(this.#helm, args, { encoding: 'utf8', input: JSON.stringify(values) });
  }

  #template({ release = 'icb', namespace = 'icb', values = {}, set = [] }: Rendering) {
    const flags = ['--kube-version', '1.30.0', '--namespace', namespace, '--values', '-'];
    return this.run(
      ['template', release, CHART, ...flags, ...set.flatMap((value) => ['--set', value])],
      values,
    );
  }
}

/** The pod template of the Deployment, or of the Job that runs at uninstall. */
export function podTemplate(
  objects: readonly Manifest[],
  kind: 'Deployment' | 'Job' = 'Deployment',
): PodTemplate {
  const template = objects.find((object) => object.kind === kind)?.spec?.template;
  assert.ok(template !== undefined, `there is no ${kind}`);
  return template;
}

/** The only container of the template. */
export function container({ spec }: PodTemplate): Container {
  const [first, ...others] = spec.containers;
  assert.ok(first !== undefined && others.length === 0);
  return first;
}

/**
 * Asserts that the controller accepts its flags. It checks them before it looks for the cluster, which does not exist
 * here.
 */
export async function assertTaken({ args }: Container): Promise<void> {
  const { status, stdout, stderr } = spawnSync(process.execPath, [await builtProgram(), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { KUBECONFIG: '/nonexistent/config' },
  });
  assert.equal(stderr, '');
  assert.equal(status, 1);
  assert.match(stdout, /the kubeconfig \(\/nonexistent\/config\) cannot be read/);
}
