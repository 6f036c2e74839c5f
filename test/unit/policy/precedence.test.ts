import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { selects } from '../../../src/policy/label-selector.ts';
import { rivalsAmong } from '../../../src/policy/limits.ts';
import { fittingBindings, scanTypesOf } from '../../../src/policy/precedence.ts';
import { Namespace } from '../controllers/binding/namespace.ts';

describe('scan types', () => {
  const cases: readonly { patterns: readonly string[]; yes: readonly string[]; no: readonly string[] }[] = [
    { patterns: ['trivy-image'], yes: ['trivy-image'], no: ['trivy-image-2', 'my-trivy-image', ''] },
    {
      patterns: ['trivy-image*'],
      yes: ['trivy-image', 'trivy-image-autodiscovery'],
      no: ['trivy', 'my-trivy-image'],
    },
    { patterns: ['*-image'], yes: ['-image', 'trivy-image'], no: ['image', 'trivy-image-x'] },
    { patterns: ['a*b*c'], yes: ['abc', 'a-b-c', 'abbc'], no: ['ac', 'acb', 'ab'] },
    { patterns: ['a*a'], yes: ['aa', 'aba'], no: ['a'] },
    { patterns: ['x', '*'], yes: ['x', 'anything'], no: [] },
  ];
  for (const { patterns, yes, no } of cases) {
    it(`that match ${patterns.join(' or ')} include ${yes.join(', ')}`, () => {
      for (const scanType of [...yes, ...no]) {
        const namespace = new Namespace();
        namespace.binding('app');
        namespace.scan('scan', { scanType });
        const scan = namespace.stores.scheduledScans.get('ns/scan');
        assert.ok(scan !== undefined);
        const rivals = rivalsAmong([...namespace.stores.bindings.values()]);
        const isBindable = fittingBindings(scan, rivals, scanTypesOf(patterns)).next().value !== undefined;
        assert.equal(isBindable, yes.includes(scanType), scanType);
      }
    });
  }
});

describe('a scan selector', () => {
  const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', values?: readonly string[]) => ({
    matchExpressions: [{ key: 'team', operator, ...(values === undefined ? {} : { values }) }],
  });
  const cases: readonly {
    name: string;
    selector: Parameters<typeof selects>[0];
    yes: string[];
    no: string[];
  }[] = [
    { name: 'that is not set', selector: undefined, yes: ['a', 'b', ''], no: [] },
    { name: 'with matchLabels', selector: { matchLabels: { team: 'a' } }, yes: ['a'], no: ['b', ''] },
    { name: 'with In', selector: expression('In', ['a', 'b']), yes: ['a', 'b'], no: ['c', ''] },
    {
      name: 'with NotIn, including objects without the label',
      selector: expression('NotIn', ['a']),
      yes: ['b', ''],
      no: ['a'],
    },
    { name: 'with Exists', selector: expression('Exists'), yes: ['a'], no: [''] },
    { name: 'with DoesNotExist', selector: expression('DoesNotExist'), yes: [''], no: ['a'] },
    {
      name: 'with several requirements, all of which must match',
      selector: { matchLabels: { team: 'a' }, ...expression('NotIn', ['a']) },
      yes: [],
      no: ['a', 'b', ''],
    },
  ];
  for (const { name, selector, yes, no } of cases) {
    it(`${name} selects exactly the matching scans`, () => {
      // An empty text means that the label is absent.
      for (const team of [...yes, ...no]) {
        assert.equal(selects(selector, team === '' ? {} : { team }), yes.includes(team), team);
      }
    });
  }
});
