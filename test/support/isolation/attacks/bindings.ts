import {
  imageCredentialBindings,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  WORKLOADS_ANNOTATION,
} from '../../../../src/api/index.ts';
import { type Attack, binding, SCHEDULED_SCANS, scheduledScan } from '../hostile.ts';

/** A binding may list 16 repositories. */
const MOST_REPLACES = 16;

/** Aims at the triggers: all bindings are connected, so a change of one concerns all. */
export const hubs: Attack = {
  name: 'hubs',
  about: '400 bindings that share 16 repositories in replaces, one of which changes every second',
  async begin(hostile) {
    const replaces = Array.from({ length: MOST_REPLACES }, (_, index) => `hubs.example/hub-${index}`);
    const bindings = hostile
      .count(400)
      .map((index) => binding(`hub-${index}`, { image: `hubs.example/app-${index}`, replaces }));
    await hostile.create(imageCredentialBindings, bindings);
    const scans = replaces.map((image, index) => scheduledScan(`hub-${index}`, `${image}:1`));
    await hostile.create(SCHEDULED_SCANS, scans);
  },
  change: (hostile, count) =>
    hostile.patch(imageCredentialBindings, 'hub-0', {
      spec: { scanSelector: { matchLabels: { round: String(count) } } },
    }),
};

/** Aims at precedence: every ScheduledScan has 300 bindings for its repository. */
export const tags: Attack = {
  name: 'tags',
  about: '300 bindings of one repository by tag, and 300 ScheduledScans of it',
  async begin(hostile) {
    const image = (index: number) => `tags.example/app:${index}`;
    const numbers = hostile.count(300);
    await hostile.create(
      imageCredentialBindings,
      numbers.map((index) => binding(`tag-${index}`, { image: image(index) })),
    );
    await hostile.create(
      SCHEDULED_SCANS,
      numbers.map((index) => scheduledScan(`tag-${index}`, image(index))),
    );
  },
};

const DISCOVERED = { [MANAGED_BY_LABEL]: MANAGED_BY };

/** Aims at the search for cycles in discovery: each binding adds 16 edges to the graph. */
export const layers: Attack = {
  name: 'layers',
  about: '800 discovered bindings, in layers of 16, each of which replaces the whole layer below',
  async begin(hostile) {
    const image = (layer: number, place: number) => `layers.example/${layer}/app-${place}`;
    const bindings = hostile.count(800).map((index) => {
      const layer = Math.floor(index / MOST_REPLACES);
      const replaces = Array.from({ length: MOST_REPLACES }, (_, place) => image(layer - 1, place));
      const spec = { image: image(layer, index % MOST_REPLACES), ...(layer === 0 ? {} : { replaces }) };
      return binding(`layer-${index}`, spec, { labels: DISCOVERED });
    });
    await hostile.create(imageCredentialBindings, bindings);
  },
};

/** The API server accepts 256 KiB of annotations. */
const WORKLOADS = 'a,'.repeat(123 * 1024);

/** Aims at memory: the annotation lists 126,000 workloads. */
export const workloads: Attack = {
  name: 'workloads',
  about: '100 discovered bindings, with 246 KiB in the annotation that lists workloads',
  async begin(hostile) {
    const metadata = {
      labels: DISCOVERED,
      annotations: { [WORKLOADS_ANNOTATION]: WORKLOADS },
    };
    const bindings = hostile
      .count(100)
      .map((index) => binding(`workloads-${index}`, { image: `workloads.example/app-${index}` }, metadata));
    await hostile.create(imageCredentialBindings, bindings);
  },
};
