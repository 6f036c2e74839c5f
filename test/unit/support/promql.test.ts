import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readExposition, readPromQl, type Series } from '../../support/promql.ts';

const SERIES: Series = readExposition(`# HELP x_total Some.
# TYPE x_total counter
x_total{code="2 00",kind="a\\"b,c="} 1
plain 0
up_bucket{le="0.5",verb="get"} 1
up_bucket{le="+Inf",verb="get"} 2
near{kind="a"} NaN
`);

describe('a PromQL expression', () => {
  it('is compared with the metrics that a process exposes', () => {
    const labels = [...SERIES].map(([name, of]) => `${name} ${[...of].sort().join(',')}`);
    assert.deepEqual(labels, ['x_total code,kind', 'plain ', 'up_bucket le,verb', 'near kind']);
  });

  for (const [expression, labels] of [
    ['plain', 'instance,job'],
    ['x_total{kind="a", job=~".+"} offset 1h', 'code,instance,job,kind'],
    ['sum by (kind) (rate(x_total[5m]))', 'kind'],
    ['sum(x_total) without (instance, job)', 'code,kind'],
    ['sum(x_total)', ''],
    ['topk(3, near)', 'instance,job,kind'],
    ['histogram_quantile(0.9, sum by (le, verb) (rate(up_bucket[5m])))', 'verb'],
    ['absent(x_total{kind="a", code!="b"})', 'kind'],
    ['max by (kind) (x_total) == 0 or absent(x_total{kind="a"})', 'kind'],
    ['x_total / on (kind) group_left () near', 'code,instance,job,kind'],
    ['x_total * on (kind) near', 'kind'],
    ['x_total and on (kind) near', 'code,instance,job,kind'],
    ['time() - (min by (kind) (last_over_time(near[5m])))', 'kind'],
    ['-near unless plain', 'instance,job,kind'],
    ['sum(plain) or vector(0)', ''],
  ] as const) {
    it(`${expression} has ${labels === '' ? 'no labels' : `the labels ${labels}`}`, () => {
      const reading = readPromQl(expression, SERIES);
      assert.deepEqual(reading.unknown, []);
      assert.equal([...reading.labels].sort().join(','), labels);
    });
  }

  for (const [expression, unknown] of [
    ['sum(x_totl)', 'metric "x_totl"'],
    ['x_total{knd="a"}', 'label "knd" in a matcher of x_total'],
    ['sum by (knd) (x_total)', 'label "knd" in a grouping'],
    ['sum without (knd) (x_total)', 'label "knd" in a grouping'],
    ['sum by (code) (sum by (kind) (x_total))', 'label "code" in a grouping'],
    ['x_total and on (knd) near', 'label "knd" in a matching'],
    ['x_total / on (kind) group_left (cod) near', 'label "cod" in a matching'],
    ['absent(x_total{knd="a"})', 'label "knd" in a matcher of x_total'],
    ['{__name__="plain"}', 'metric ""'],
  ] as const) {
    it(`${expression} is reported, because it names something unknown`, () => {
      assert.deepEqual(readPromQl(expression, SERIES).unknown, [unknown]);
    });
  }

  for (const expression of [
    'sum by (kind (x_total)',
    'x_total[5m',
    '',
    'label_replace(near, "a", "b", "c", "d")',
  ]) {
    it(`${JSON.stringify(expression)} is refused, because it is invalid or not supported`, () => {
      assert.throws(() => readPromQl(expression, SERIES), /PromQL|expected a supported/);
    });
  }
});
