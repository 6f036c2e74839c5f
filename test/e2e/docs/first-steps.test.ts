import { describeExamples } from '../../support/docs/pages.ts';

describeExamples('the first steps');
