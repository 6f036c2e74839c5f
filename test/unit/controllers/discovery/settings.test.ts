import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modeWithin } from '../../../../src/controllers/discovery/settings.ts';

describe('which pods are looked at', () => {
  it('takes a list of namespaces for the opt-in of each of them, and of their pods for none', () => {
    const modes = ['enabled-per-namespace', 'enabled-per-resource', 'all'] as const;
    assert.deepEqual(
      modes.map((mode) => modeWithin(['team-a'], mode)),
      ['all', 'enabled-per-resource', 'all'],
    );
    assert.deepEqual(
      modes.map((mode) => modeWithin('all', mode)),
      modes,
    );
  });
});
