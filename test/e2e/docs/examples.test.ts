/**
 * Executes everything that README.md and the pages of docs/ tell a reader to do, with `first-steps.test.ts` and
 * `operation.test.ts`. test/support/docs/example.ts defines how a page marks its examples, and test/support/docs/setups.ts
 * what each page needs. A new example or page needs no other change.
 */
import { describeExamples } from '../../support/docs/pages.ts';

describeExamples('all other pages');
