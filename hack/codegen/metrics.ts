import { METRICS } from '../../src/telemetry/index.ts';

const INTRODUCTION = [
  '# Metrics',
  'The pods serve metrics in the Prometheus text format at `/metrics` on port 8080, the port of the probes. They include the default metrics of a process: `process_*` (memory, CPU, file descriptors) and `nodejs_*` (event loop, garbage collection, heap).',
  'Only the leader reports metrics about the cluster, so that nothing is counted twice. Every process reports the other metrics about itself. A counter or a histogram with labels has no line before its first count. The [alerts](../alerts.md) and a Grafana dashboard use these metrics.',
];

/** The Markdown page that lists the metrics. The text about each metric comes from its definition. */
export function metricsPage(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names} | ${help} |`;
  });
  const table = ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  return `${[...INTRODUCTION, table].join('\n\n')}\n`;
}
