import { METRICS } from '../../src/telemetry/index.ts';

const INTRODUCTION = [
  '# Metrics',
  'Served in the text format of Prometheus at `/metrics`, beside the probes: port 8080 of the pods. Those of every process come with them: `process_*` (memory, CPU, file descriptors) and `nodejs_*` (event loop, garbage collection, heap).',
  'What concerns the cluster is told by the leader alone, so that nothing counts twice; everything else is told by each process about itself. A counter or a histogram with labels has no line until something is counted. [Alerts](../alerts.md) are built on these metrics, and a dashboard for Grafana.',
];

/** The page that lists the metrics, in Markdown. What is said of each comes from its definition alone. */
export function metricsPage(): string {
  const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names} | ${help} |`;
  });
  const table = ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  return `${[...INTRODUCTION, table].join('\n\n')}\n`;
}
