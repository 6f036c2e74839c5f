import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expand } from '../../../../../../hack/testenv/securecodebox/kubelet/environment.ts';
import { PathMap } from '../../../../../../hack/testenv/securecodebox/kubelet/paths.ts';

describe('a path of the container in a text', () => {
  const paths = new PathMap([
    ['/home/securecodebox/', '/tmp/results'],
    ['/credential', '/tmp/credential'],
    ['/credential/aws', '/tmp/aws'],
  ]);
  const cases: Readonly<Record<string, readonly [text: string, expected: string]>> = {
    'below a mount is mapped': ['/home/securecodebox/trivy-results.json', '/tmp/results/trivy-results.json'],
    'that is the mount itself is mapped': ['/credential', '/tmp/credential'],
    'is mapped by the longest mount': ['/credential/aws/key', '/tmp/aws/key'],
    'is mapped once': ['/credential/credential', '/tmp/credential/credential'],
    'after an equals sign is mapped': ['--output=/home/securecodebox/a', '--output=/tmp/results/a'],
    'is mapped in a list': ['/credential/a:/credential/aws', '/tmp/credential/a:/tmp/aws'],
    'that only has the same prefix is unchanged': ['/credentials/a', '/credentials/a'],
    'in the middle of an image is unchanged': [
      'reg.example/credential/app:1',
      'reg.example/credential/app:1',
    ],
    'in the middle of a URL is unchanged': [
      'https://reg.example:5000/credential',
      'https://reg.example:5000/credential',
    ],
    'outside of all mounts is unchanged': ['/etc/ssl/ca.pem', '/etc/ssl/ca.pem'],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    it(name, () => assert.equal(paths.rewrite(text), expected));
  }

  it('is unchanged if nothing is mounted', () => {
    assert.equal(new PathMap([]).rewrite('/credential'), '/credential');
  });
});

describe('$(NAME) in a text', () => {
  const cases: Readonly<Record<string, readonly [text: string, expected: string]>> = {
    'is the value of an entry': ['a $(USER) b', 'a ann b'],
    'is unchanged if there is no such entry': ['$(NOBODY)', '$(NOBODY)'],
    'is unchanged after a second dollar sign': ['$$(USER)', '$(USER)'],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    it(name, () => assert.equal(expand(text, new Map([['USER', 'ann']])), expected));
  }
});
