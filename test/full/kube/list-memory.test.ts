import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Cluster } from '../../support/cluster/cluster.ts';
import { createPod } from '../../support/cluster/pods.ts';

const SCRIPT = join(import.meta.dirname, 'list-memory.ts');
const FEW = 500;
const MANY = 1_500;
/** The size of an annotation that is sent with each pod and not stored. */
const NOTE_BYTES = 16_384;
/** The minimum growth, in bytes, from few pods to many if the whole list were held in memory. */
const GROWTH = (MANY - FEW) * NOTE_BYTES;
const AT_ONCE = 16;

/** Peak heap above what is stored in the end, in bytes. */
interface Peaks {
  readonly few: number;
  readonly many: number;
}

describe('the heap while pods are listed', () => {
  for (const [way, apiServerArgs] of [
    ['a streaming list', []],
    ['pages', ['--feature-gates=WatchList=false']],
  ] as const) {
    it(`does not grow with the length of the list: ${way}`, async (context) => {
      await using cluster = await Cluster.start({ apiServerArgs });
      await createPods(cluster, 0, FEW);
      const few = {
        reflector: await peak(cluster, 'reflector', FEW),
        whole: await peak(cluster, 'whole', FEW),
      };
      await createPods(cluster, FEW, MANY);
      const many = {
        reflector: await peak(cluster, 'reflector', MANY),
        whole: await peak(cluster, 'whole', MANY),
      };
      const grown = (kind: keyof typeof few) => growth({ few: few[kind], many: many[kind] });
      context.diagnostic(
        `above what is kept: ${mega(few.reflector)} MB for ${FEW}, ${mega(many.reflector)} MB for ${MANY} pods; held whole ${mega(few.whole)} and ${mega(many.whole)} MB`,
      );
      assert.ok(grown('whole') > GROWTH / 2, 'the measurement detects a list that is held');
      assert.ok(grown('reflector') < GROWTH / 4, `it grew by ${mega(grown('reflector'))} MB`);
    });
  }
});

function growth({ few, many }: Peaks): number {
  return many - few;
}

async function peak(cluster: Cluster, way: 'reflector' | 'whole', pods: number): Promise<number> {
  const { kubeconfig, group } = cluster.controlPlane;
  const arguments_ = ['--expose-gc', SCRIPT, kubeconfig, way];
  const { code, stdout, stderr } = await group.run(process.execPath, arguments_, { env: {} });
  assert.equal(code, 0, stderr);
  const reported = JSON.parse(stdout) as { readonly pods: number; readonly above: number };
  assert.equal(reported.pods, pods);
  return reported.above;
}

async function createPods(cluster: Cluster, from: number, to: number): Promise<void> {
  const note = 'x'.repeat(NOTE_BYTES);
  const names = Array.from({ length: to - from }, (_, index) => `pod-${from + index}`);
  for (let start = 0; start < names.length; start += AT_ONCE) {
    const batch = names.slice(start, start + AT_ONCE);
    await Promise.all(
      batch.map((name) =>
        createPod(cluster.client, {
          namespace: 'default',
          name,
          image: `reg.example/${name}:1`,
          annotations: { 'example.org/note': note },
        }),
      ),
    );
  }
}

function mega(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
