import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bindingNames } from '../../../../src/controllers/discovery/writes/binding-name.ts';

describe('the name of a discovered binding', () => {
  it('is readable, valid, and unique for each repository', () => {
    const long = `reg.example/${'team.a__b/'.repeat(20)}app`;
    const repositories = [
      'docker.io/library/nginx',
      'quay.io/library/nginx',
      'reg.example:5000/a/b',
      'reg.example:5000/a-b',
      long,
      `reg.example/a/${'b'.repeat(47)}`,
    ];
    const names = repositories.map((repository) => bindingNames(repository).next().value ?? '');
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.match(names[0] ?? '', /^nginx-[0-9a-f]{8}$/);
  });
});
