import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Options, parseOptions, UsageError } from '../../../../hack/acceptance/options.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const BASE = ['--image', 'reg.example/shop/app:1.0', '--pull-secret', 'shop/pull'];

function options(...more: readonly string[]): Options {
  const parsed = parseOptions([...BASE, ...more]);
  assert.ok(parsed);
  return parsed;
}

describe('the command line of the acceptance run', () => {
  it('needs only an image and its pull secret, and then skips password change and migration', () => {
    const { rotation, migration, isConfirmed, namespace, scanSeconds, trivyArgs } = options();
    assert.deepEqual(
      { rotation, migration, isConfirmed, namespace, scanSeconds, trivyArgs },
      {
        ...{ rotation: undefined, migration: undefined, isConfirmed: false },
        ...{ namespace: 'icb-acceptance', scanSeconds: 600, trivyArgs: [] },
      },
    );
  });

  it('gives the new repository the tag and the digest of the image', () => {
    const parsed = parseOptions([
      ...['--image', `reg.example/shop/app:1.0@${DIGEST}`, '--pull-secret', 'shop/pull'],
      ...['--new-image', 'new.example/team/app'],
    ]);
    assert.deepEqual(parsed?.migration, {
      image: { host: 'new.example', repository: 'team/app', tag: '1.0', digest: DIGEST },
      pullSecret: { namespace: 'shop', name: 'pull' },
    });
  });

  it('uses the last pull secret for the new repository, unless it has its own', () => {
    const rotated = ['--rotated-pull-secret', 'shop/rotated', '--new-image', 'new.example/app'];
    assert.equal(options(...rotated).migration?.pullSecret.name, 'rotated');
    assert.equal(options(...rotated, '--new-pull-secret', 'shop/own').migration?.pullSecret.name, 'own');
  });

  it('splits the parameters of Trivy at spaces', () => {
    assert.deepEqual(options('--trivy-args=--insecure  --timeout 9m').trivyArgs, [
      ...['--insecure', '--timeout', '9m'],
    ]);
  });

  it('is not read if help is requested', () => {
    assert.equal(parseOptions(['--help']), undefined);
  });

  const REFUSED: Readonly<Record<string, readonly [args: readonly string[], message: RegExp]>> = {
    'no image': [['--pull-secret', 'shop/pull'], /expected the flag --image/],
    'no pull secret': [['--image', 'reg.example/app:1'], /expected the flag --pull-secret/],
    'an image without a version': [
      ['--image', 'reg.example/app', '--pull-secret', 'shop/pull'],
      /expected in --image a tag or a digest/,
    ],
    'an image that is none': [['--image', 'REG/APP:1', '--pull-secret', 'shop/pull'], /^--image: /],
    'a pull secret without a namespace': [
      ['--image', 'reg.example/app:1', '--pull-secret', 'pull'],
      /expected in --pull-secret a namespace and a name, found "pull"/,
    ],
    'the same repository as the new one': [
      [...BASE, '--new-image', 'reg.example/shop/app'],
      /another repository/,
    ],
    'a new image with another tag': [
      [...BASE, '--new-image', 'new.example/app:2.0'],
      /the same tag and digest as reg\.example\/shop\/app:1\.0, found "new\.example\/app:2\.0"/,
    ],
    'a new pull secret without a new image': [
      [...BASE, '--new-pull-secret', 'shop/b'],
      /expected --new-image/,
    ],
    'a command without a new password': [
      [...BASE, '--rotate-command', 'true'],
      /expected --rotated-pull-secret with --rotate-command/,
    ],
    'a namespace that is no name': [[...BASE, '--namespace', 'A_b'], /found "A_b"/],
    'a time limit without a unit': [[...BASE, '--timeout', '10'], /a duration of at least a second/],
    'an unknown flag': [[...BASE, '--force'], /--force/],
  };
  for (const [what, [args, message]] of Object.entries(REFUSED)) {
    it(`is refused with ${what}`, () => {
      assert.throws(
        () => parseOptions(args),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    });
  }
});
