import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { modeWithin } from '../../../../src/controllers/discovery/settings.ts';

describe('the mode of discovery', () => {
  it('treats a list of namespaces as the opt-in of these namespaces, but not of their pods', () => {
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
