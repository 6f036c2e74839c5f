import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DOCS, ROOT } from '../../../hack/root.ts';
import { RELEASE, type RunningController } from '../../../hack/testenv/controller.ts';
import { tools } from '../../../hack/testenv/tools/tools.ts';
import { Cluster, type TestNamespace } from '../../support/cluster/cluster.ts';
import { type Ran, runCommand } from '../../support/cluster/command.ts';
import { elementsIn, readPage, textOf } from '../../support/html/page.ts';
import { until } from '../../support/until.ts';

const AUTHS = { 'reg.example': { auth: btoa('user:Canary-7Hq2') } };
const CANARY = /Canary-7Hq2|Q2FuYXJ5/;

describe('the command line on a real API server', () => {
  let cluster: Cluster;
  let controller: RunningController;
  let folder: string;
  let path: string;

  before(async () => {
    cluster = await Cluster.start();
    controller = await cluster.startController();
    folder = join(cluster.controlPlane.directory, 'command-line');
    await mkdir(folder);
    const { kubectl } = await tools(['kubectl'], (line) => process.stderr.write(`${line}\n`));
    path = [folder, dirname(process.execPath), dirname(kubectl), process.env['PATH']].join(':');
    // Link the programs as npm does.
    const { bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      readonly bin: Readonly<Record<string, string>>;
    };
    for (const [name, file] of Object.entries(bin)) await symlink(join(ROOT, file), join(folder, name));
  });
  after(async () => cluster?.[Symbol.asyncDispose]());

  /** Runs a shell command in a folder of the test. */
  async function shell(command: string): Promise<Ran> {
    const options = { env: { KUBECONFIG: cluster.controlPlane.kubeconfig, PATH: path } };
    const script = `cd '${folder}' && ${command}`;
    return cluster.controlPlane.group.run('/bin/sh', ['-c', script], options);
  }

  /** Creates a namespace with the objects of docs/examples, and waits until the binding is ready. */
  async function exampleNamespace(name: string): Promise<void> {
    const kubectl = (...args: readonly string[]) =>
      cluster.controlPlane.kubectl([...args, '--namespace', name]);
    await cluster.controlPlane.kubectl(['create', 'namespace', name]);
    await kubectl('apply', '--filename', join(DOCS, 'examples'));
    // The secureCodeBox operator would set this. Without it, the run is due for a minute.
    const status = JSON.stringify({ status: { lastScheduleTime: new Date().toISOString() } });
    await kubectl(
      ...['patch', 'scheduledscan', 'payments', '--subresource=status', '--type=merge', '--patch', status],
    );
    await kubectl('wait', 'icb/payments', '--for=condition=Ready', '--timeout=60s');
  }

  async function boundNamespace(): Promise<TestNamespace> {
    const namespace = await cluster.namespace();
    await namespace.pullSecret('pull', AUTHS);
    await namespace.scan('scan');
    await namespace.binding('app');
    await namespace.condition('app', 'Ready', 'True Ready');
    return namespace;
  }

  const audit = async (args: readonly string[], kubeconfig?: string) => {
    const ran = await runCommand(cluster.controlPlane, ['audit', ...args], kubeconfig);
    assert.doesNotMatch(ran.stdout + ran.stderr, CANARY);
    return ran;
  };

  describe('an audit', () => {
    it('audits one, several or all namespaces, and exits with 1 if a binding is not ready', async () => {
      const one = await boundNamespace();
      const ready = await audit(['-n', one.name]);
      assert.equal(ready.code, 0, ready.stderr);
      assert.match(
        ready.stdout,
        new RegExp(
          `^NAMESPACE +NAME .*\\n${one.name} +app +reg\\.example/app +Generic +pull +True +Ready +Disabled +- +1/1 +-\\n$`,
        ),
      );
      const two = await cluster.namespace();
      await two.binding('missing', { imagePullSecrets: [{ name: 'gone' }] });
      await two.condition('missing', 'Ready', 'False SecretNotFound');
      const both = await audit(['-n', `${one.name},${two.name}`, '-o', 'json']);
      assert.equal(both.code, 1);
      const rows = JSON.parse(both.stdout) as readonly {
        readonly name: string;
        readonly ready: { readonly reason: string; readonly message: string };
      }[];
      assert.deepEqual(
        rows.map(({ name, ready: { reason } }) => `${name} ${reason}`),
        ['app Ready', 'missing SecretNotFound'],
      );
      assert.match(rows[1]?.ready.message ?? '', /gone does not exist.*Create the Secret/);
      const all = await audit(['-A', '-o', 'csv']);
      assert.equal(all.code, 1);
      assert.match(
        all.stdout,
        new RegExp(`\r\n${two.name},missing,reg\\.example/app,Generic,,Shared,False,`),
      );
    });

    it('shows a ScheduledScan without a readable image until it is corrected', async () => {
      const namespace = await boundNamespace();
      await namespace.scan('scheme', ['docker://reg.example/app:1.0']);
      const reason = 'scheme (has no readable image: parameter 1 begins with the scheme docker://';
      const messageOf = async () => {
        const { status } = await namespace.condition('app', 'ScansBound', 'True Bound');
        return status?.conditions?.find(({ type }) => type === 'ScansBound')?.message ?? '';
      };
      await until(
        async () => (await messageOf()).includes(`1 scan bound; not bound: ${reason}`),
        'the reason',
      );
      const shown = await audit(['-n', namespace.name]);
      assert.match(shown.stdout, / 1\/1, 1 unreadable /);
      assert.match(shown.stderr, /app: ScheduledScan "scheme": has no readable image: parameter 1 /);
      await namespace.scan('scheme', ['reg.example/app:1.0']);
      await until(async () => (await messageOf()).startsWith('2 scans bound'), 'the scan to be bound');
      assert.match((await audit(['-n', namespace.name])).stdout, / 2\/2 /);
    });

    it('audits more bindings than fit a page of a list', async () => {
      const namespace = await cluster.namespace();
      const spec = { imagePullSecrets: [], mode: 'Observe', verification: 'Never' } as const;
      const names = Array.from({ length: 510 }, (_, index) => `b-${index}`);
      await Promise.all(
        names.map((name) => namespace.binding(name, { ...spec, image: `reg.example/${name}` })),
      );
      const { stdout } = await audit(['-n', namespace.name, '-o', 'json']);
      assert.equal((JSON.parse(stdout) as readonly unknown[]).length, 510);
    });

    it('reports missing bindings, a missing namespace, missing permissions and conflicting flags in an audit', async () => {
      const empty = await cluster.namespace();
      assert.deepEqual(
        await audit(['-n', empty.name]).then(({ code, stdout, stderr }) => [code, stdout, stderr]),
        [0, '', `no bindings found in "${empty.name}"; choose another namespace with -n, or all with -A\n`],
      );
      assert.equal((await audit(['-n', empty.name, '-o', 'json'])).stdout, '[]\n');
      const nowhere = await audit(['-n', 'nowhere']);
      assert.equal(nowhere.code, 2);
      assert.match(
        nowhere.stderr,
        /the namespace "nowhere" does not exist; correct --namespace \(list them with kubectl/,
      );
      await cluster.controlPlane.kubectl(['create', 'serviceaccount', 'nobody', '-n', empty.name]);
      const account = { namespace: empty.name, name: 'nobody' };
      const kubeconfig = await cluster.controlPlane.kubeconfigFor(account);
      const refused = await audit(['-A'], kubeconfig);
      assert.equal(refused.code, 2);
      assert.match(
        refused.stderr,
        /expected permission to list imagecredentialbindings in all namespaces; request a ClusterRole/,
      );
      const both = await audit(['-A', '-n', empty.name]);
      assert.equal(both.code, 2);
      assert.match(both.stderr, /'-A, --all-namespaces' cannot be used with option '-n, --namespace/);
      assert.match((await audit(['-n', 'A_b'])).stderr, /Expected a namespace: at most 63/);
    });
  });

  describe('an audit of some bindings', () => {
    let namespace: TestNamespace;
    before(async () => {
      namespace = await cluster.namespace();
      const spec = { imagePullSecrets: [], mode: 'Observe' } as const;
      for (const name of ['payments', 'cart'])
        await namespace.binding(name, { ...spec, image: `reg.example/${name}` });
      await cluster.controlPlane.kubectl(['label', 'icb/cart', 'app=cart', '--namespace', namespace.name]);
      for (const name of ['payments', 'cart']) await namespace.condition(name, 'Ready', 'True Ready');
    });
    const names = async (...args: readonly string[]) => {
      const ran = await audit(['-n', namespace.name, '-o', 'json', ...args]);
      const rows = JSON.parse(ran.stdout) as readonly { readonly name: string }[];
      return { ...ran, names: rows.map(({ name }) => name).join() };
    };

    it('chooses them by name, and says which do not exist', async () => {
      assert.deepEqual((await names()).names, 'cart,payments');
      const one = await names('payments', 'payments');
      assert.deepEqual([one.names, one.code], ['payments', 0]);
      const some = await names('payment', 'cart');
      assert.deepEqual([some.names, some.code], ['cart', 2]);
      assert.match(
        some.stderr,
        /^error: the binding "payment" does not exist in "[\w-]+"; did you mean "payments"\? correct the name/,
      );
      const none = await audit(['nothing', '-n', namespace.name]);
      assert.deepEqual([none.stdout, none.code], ['', 2]);
      const nowhere = await audit(['cart', '-n', 'nowhere']);
      assert.match(nowhere.stderr, /^error: the namespace "nowhere" does not exist/);
    });

    it('chooses them by label, and passes on why the API server refuses a selector', async () => {
      const cases = {
        'app=cart': 'cart',
        '!app': 'payments',
        'app in (cart, x)': 'cart',
        'app!=cart': 'payments',
      };
      for (const [selector, expected] of Object.entries(cases))
        assert.equal((await names('-l', selector)).names, expected, selector);
      const none = await audit(['-n', namespace.name, '-l', 'app=x']);
      assert.deepEqual([none.code, none.stdout], [0, '']);
      assert.match(none.stderr, /^no bindings found with the labels "app=x" in "/);
      const wrong = await audit(['-A', '--selector', 'app in cart']);
      assert.equal(wrong.code, 2);
      assert.match(
        wrong.stderr,
        /^error: the API server refused the label selector "app in cart": .*unable to parse requirement.*; correct --selector/,
      );
    });

    it('may name bindings that the user may get but not list', async () => {
      const { name } = namespace;
      const kubectl = (...args: readonly string[]) =>
        cluster.controlPlane.kubectl([...args, '--namespace', name]);
      await kubectl('create', 'serviceaccount', 'reader');
      await kubectl(
        'create',
        'role',
        'reader',
        '--verb=get',
        '--resource=imagecredentialbindings.credentials.securecodebox.io',
      );
      await kubectl('create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${name}:reader`);
      const kubeconfig = await cluster.controlPlane.kubeconfigFor({ namespace: name, name: 'reader' });
      const ran = await until(async () => {
        const result = await audit(['cart', 'carts', '-n', name], kubeconfig);
        return /permission to get/.test(result.stderr) ? undefined : result;
      }, 'the right to take effect');
      assert.match(ran.stdout, / cart /);
      assert.match(ran.stderr, /^error: the binding "carts" does not exist in "[\w-]+"; correct the name/);
    });

    it('is printed with more columns, without headings, and as a page', async () => {
      const wide = await audit(['-n', namespace.name, '-o', 'wide']);
      assert.match(
        wide.stdout,
        /^NAMESPACE .* LAST CHANGE +MODE +DELIVERY +ENTRY +TRIVY SECRET +FAILING +MIGRATIONS +AGE +MESSAGE\n/,
      );
      assert.match(wide.stdout, / cart .* Observe +Shared +- +- +0 +0 +\d+[sm] +\S/);
      for (const output of ['table', 'wide', 'csv']) {
        const { stdout } = await audit(['cart', '-n', namespace.name, '-o', output, '--no-headers']);
        assert.match(stdout, new RegExp(`^${namespace.name}[ ,]+cart[^\n]*\n$`), output);
      }
      const { stdout: page } = await audit(['-n', namespace.name, '-o', 'html']);
      const body = elementsIn(readPage(page)).find((element) => element.name === 'body');
      assert.ok(body !== undefined);
      assert.match(
        textOf(body),
        new RegExp(`2 bindings in "${namespace.name}" at \\d{4}-.*reg\\.example/payments.*ScansBound`, 's'),
      );
    });
  });

  it('explains what the controller has decided, and what the user can do', async () => {
    const namespace = await boundNamespace();
    const explain = (image: string) =>
      runCommand(cluster.controlPlane, ['explain', image, '-n', namespace.name]);
    const fine = await explain('reg.example/app:1.0');
    assert.equal(fine.code, 0, fine.stderr);
    assert.match(fine.stdout, /the controller tried\n {4}Secret pull {2}entry reg\.example {2}Selected/);
    assert.match(fine.stdout, /the controller says\n {4}Ready +True +Ready\n/);
    assert.match(fine.stdout, /ScheduledScans\n {4}scan {2}bound to app\n {2}Trivy gets\n/);
    await namespace.binding('app', { imagePullSecrets: [{ name: 'gone' }] });
    await namespace.condition('app', 'Ready', 'False SecretNotFound');
    const missing = await explain('reg.example/app:1.0');
    assert.equal(missing.code, 1);
    assert.match(
      missing.stdout,
      /Ready +False +SecretNotFound\n {6}.*gone does not exist.*Create the Secret/,
    );
    const typo = await explain('reg.example/apq');
    assert.match(typo.stderr, /did you mean reg\.example\/app, the image of the binding "app"\?/);
    const empty = await cluster.namespace();
    const nothing = await runCommand(cluster.controlPlane, ['explain', 'nginx', '-n', empty.name]);
    assert.match(nothing.stderr, new RegExp(`no bindings found in "${empty.name}"; choose another`));
  });

  it('runs as a kubectl plugin, and its help shows the name of the plugin', async () => {
    const { code, stdout } = await shell('kubectl icb --help');
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: kubectl icb \[options\] \[command\]/);
    assert.match(
      (await shell('kubectl icb audit --help')).stdout,
      /^Usage: kubectl icb audit .*\n[\s\S]*\n {2}kubectl icb audit -A -o json\n/,
    );
    assert.match(
      (await shell('image-credential-binding --help')).stdout,
      /^Usage: image-credential-binding \[/,
    );
    const wrong = await shell('kubectl icb audit --wrong');
    assert.equal(wrong.code, 2);
  });

  it('is completed by kubectl', async () => {
    for (const [words, expected] of [
      ['icb a', ['audit', ':4']],
      ['icb audit -o ""', ['table', 'wide', 'json', 'csv', 'html', ':4']],
      ['icb explain nginx -f ""', [':0']],
    ] as const) {
      const { code, stdout, stderr } = await shell(`kubectl __complete ${words}`);
      assert.equal(code, 0, stderr);
      assert.deepEqual(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => line.split('\t')[0]),
        expected,
      );
    }
  });

  it('runs every example in its help', async () => {
    await exampleNamespace('shop');
    await cluster.controlPlane.kubectl(['create', 'namespace', 'payments']);
    const examples = join(DOCS, 'examples');
    await copyFile(join(examples, 'pull-secret.yaml'), join(folder, 'pull-secret.yaml'));
    await copyFile(join(examples, 'binding.yaml'), join(folder, 'bindings.yaml'));
    const helps = await Promise.all(['explain', 'audit', 'check'].map(examplesOf));
    for (const command of helps.flat()) await works(command);
    await controller.process.stop();
    for (const command of await examplesOf('unbind')) await works(command);
  });

  /** Exit code 1 is accepted except from `unbind`: other bindings are not ready, and no credential fits nginx. */
  async function works(command: string): Promise<void> {
    const { code, stderr } = await shell(command);
    assert.ok(code === 0 || (code === 1 && !command.includes('unbind')), `${command}: ${code} ${stderr}`);
  }

  async function examplesOf(name: string): Promise<readonly string[]> {
    const { stdout } = await shell(`${RELEASE} ${name} --help`);
    const examples = (stdout.split('Examples:\n')[1] ?? '').trim().split('\n');
    assert.ok(examples.length >= 2, stdout);
    return examples.map((example) => example.trim());
  }
});
