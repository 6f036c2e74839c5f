import type { ValidBinding } from '../../binding/index.ts';
import { type ConditionContent, type Preview, Previewer } from '../../controllers/index.ts';
import { scanTypesOf } from '../../policy/index.ts';
import { DEFAULT_SCAN_TYPES } from '../../scan/index.ts';
import type { Inventory } from '../inventory/index.ts';

const SCAN_TYPES = scanTypesOf(DEFAULT_SCAN_TYPES);

/** Messages for what the controller learns from registries and clouds. */
const UNKNOWN: Readonly<Record<string, string>> = {
  Verifying: 'not verified: explain contacts no registry',
  Exchanging: 'not known: explain requests no login from the cloud',
};

/** By inventory, because several images may be explained from it. */
const previewers = new WeakMap<Inventory, Previewer>();

/** What the controller would report about a binding, as far as that is known without a registry. */
export function predict({ name }: ValidBinding, inventory: Inventory): Preview | undefined {
  const previewer = previewers.get(inventory) ?? previewerOf(inventory);
  previewers.set(inventory, previewer);
  const preview = previewer.preview(name);
  if (preview === undefined) return undefined;
  return { ...preview, conditions: preview.conditions.map(withoutRegistry) };
}

function previewerOf({ bindings, states, scheduledScans, rawScans }: Inventory): Previewer {
  const secrets = states;
  return new Previewer({
    now: Date.now(),
    scanTypes: SCAN_TYPES,
    bindings,
    secrets,
    scans: scheduledScans,
    rawScans,
  });
}

function withoutRegistry(condition: ConditionContent): ConditionContent {
  const message = UNKNOWN[condition.reason];
  return message === undefined ? condition : { ...condition, message };
}
