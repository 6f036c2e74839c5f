import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ADVICE, CONDITION_TYPES } from '../../../src/api/index.ts';
import { fields } from './crd.ts';

const patternOf = (field: string) =>
  new RegExp(String(fields.get(`status.conditions[].${field}`)?.['pattern']));

describe('condition types and reasons', () => {
  it('match the patterns of the CRD', () => {
    for (const type of CONDITION_TYPES) assert.match(type, patternOf('type'));
    for (const reason of Object.keys(ADVICE)) assert.match(reason, patternOf('reason'));
  });

  it('have advice in whole sentences, or no advice', () => {
    for (const [reason, advice] of Object.entries(ADVICE)) assert.match(advice, /^$|^[A-Z].*\.$/, reason);
  });
});
