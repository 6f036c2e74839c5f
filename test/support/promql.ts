/**
 * Reads PromQL with the grammar of Prometheus: the metrics and labels that an expression names, and the labels of its
 * result.
 */
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** The labels of each existing metric, by its name. */
export type Series = ReadonlyMap<string, ReadonlySet<string>>;

/** Labels that Prometheus adds to everything that it scrapes. */
const OF_PROMETHEUS: readonly string[] = ['job', 'instance'];

/** Metrics and labels that an expression names and that do not exist, and the labels of its result. */
export interface Reading {
  readonly unknown: readonly string[];
  readonly labels: ReadonlySet<string>;
}

/**
 * Reads an expression.
 *
 * @throws Error if it is not PromQL, or uses a function or node that is not supported here
 */
export function readPromQl(expression: string, series: Series): Reading {
  const tree = parser.parse(expression);
  tree.iterate({
    enter: ({ type, from }) => {
      if (type.isError)
        throw new Error(`expected PromQL, found an error at position ${from} in ${expression}`);
    },
  });
  const unknown: string[] = [];
  const [root] = childrenOf(tree.topNode);
  if (root === undefined) throw new Error('no PromQL: it is empty');
  const labels = labelsOf(root, { expression, series, unknown });
  return { unknown, labels };
}

interface Reader {
  readonly expression: string;
  readonly series: Series;
  /** Receives the names of unknown metrics and labels. */
  readonly unknown: string[];
}

type Labels = ReadonlySet<string>;

const NONE: Labels = new Set();

/** By the name of the node. Nodes that are missing here are not supported. */
const RULES: Readonly<Record<string, (node: SyntaxNode, reader: Reader) => Labels>> = {
  VectorSelector: ofSelector,
  AggregateExpr: ofAggregation,
  BinaryExpr: ofBinary,
  FunctionCall: ofFunction,
  NumberDurationLiteral: () => NONE,
  StringLiteral: () => NONE,
  ParenExpr: ofFirst,
  UnaryExpr: ofLast,
  MatrixSelector: ofFirst,
  OffsetExpr: ofFirst,
  SubqueryExpr: ofFirst,
};

function labelsOf(node: SyntaxNode, reader: Reader): Labels {
  const rule = RULES[node.name];
  if (rule === undefined)
    throw new Error(`expected a supported node, found ${node.name} in ${reader.expression}`);
  return rule(node, reader);
}

function ofFirst({ firstChild }: SyntaxNode, reader: Reader): Labels {
  return firstChild === null ? NONE : labelsOf(firstChild, reader);
}

function ofLast({ lastChild }: SyntaxNode, reader: Reader): Labels {
  return lastChild === null ? NONE : labelsOf(lastChild, reader);
}

function ofSelector(node: SyntaxNode, reader: Reader): Labels {
  const metric = textOf(node.getChild('Identifier'), reader);
  const own = reader.series.get(metric);
  if (own === undefined) reader.unknown.push(`metric "${metric}"`);
  const labels = new Set([...(own ?? []), ...OF_PROMETHEUS]);
  for (const { label } of matchersOf(node, reader))
    if (own !== undefined) check(label, labels, `a matcher of ${metric}`, reader);
  return labels;
}

function ofAggregation(node: SyntaxNode, reader: Reader): Labels {
  const arguments_ = childrenOf(node.getChild('FunctionCallBody'));
  const [within = NONE] = arguments_.map((argument) => labelsOf(argument, reader)).toReversed();
  const modifier = node.getChild('AggregateModifier');
  const named = groupingsOf(modifier, reader).flat();
  for (const label of named) check(label, within, 'a grouping', reader);
  const keepsAll = node.getChild('AggregateOp')?.firstChild?.name;
  if (modifier === null) return keepsAll === 'Topk' || keepsAll === 'Bottomk' ? within : NONE;
  if (modifier.getChild('By') !== null) return new Set(named);
  return within.difference(new Set(named));
}

function ofBinary(node: SyntaxNode, reader: Reader): Labels {
  const { firstChild, lastChild } = node;
  const left = firstChild === null ? NONE : labelsOf(firstChild, reader);
  const right = lastChild === null ? NONE : labelsOf(lastChild, reader);
  const clause = node.getChild('MatchingModifierClause');
  const [matched = [], included = []] = groupingsOf(clause, reader);
  for (const label of [...matched, ...included]) check(label, left.union(right), 'a matching', reader);
  if (node.getChild('Or') !== null) return left.intersection(right);
  if (node.getChild('And') !== null || node.getChild('Unless') !== null) return left;
  if (clause?.getChild('GroupLeft')) return left.union(new Set(included));
  if (clause?.getChild('On')) return new Set(matched);
  return left.size > 0 ? left : right;
}

function ofFunction(node: SyntaxNode, reader: Reader): Labels {
  const name = textOf(node.getChild('FunctionIdentifier'), reader);
  const arguments_ = childrenOf(node.getChild('FunctionCallBody'));
  const sets = arguments_.map((argument) => labelsOf(argument, reader));
  switch (name) {
    case 'absent': {
      const [selector] = arguments_;
      return new Set(
        matchersOf(selector ?? null, reader)
          .filter(({ operator }) => operator === 'EqlSingle')
          .map(({ label }) => label),
      );
    }
    case 'histogram_quantile':
      return (sets[1] ?? NONE).difference(new Set(['le']));
    case 'increase':
    case 'last_over_time':
    case 'rate':
      return sets[0] ?? NONE;
    case 'time':
    case 'vector':
      return NONE;
    default:
      throw new Error(`expected a supported function, found ${name} in ${reader.expression}`);
  }
}

function matchersOf(selector: SyntaxNode | null, reader: Reader) {
  const matchers = selector?.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  return matchers.map((matcher) => ({
    label: textOf(matcher.getChild('LabelName'), reader),
    operator: matcher.getChild('MatchOp')?.firstChild?.name,
  }));
}

/** The lists of labels below a node, in their order. */
function groupingsOf(node: SyntaxNode | null, reader: Reader): readonly (readonly string[])[] {
  const lists = node?.getChildren('GroupingLabels') ?? [];
  return lists.map((list) => list.getChildren('LabelName').map((label) => textOf(label, reader)));
}

function check(label: string, there: Labels, where: string, { unknown }: Reader): void {
  if (!there.has(label)) unknown.push(`label "${label}" in ${where}`);
}

function childrenOf(node: SyntaxNode | null): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function textOf(node: SyntaxNode | null, { expression }: Reader): string {
  return node === null ? '' : expression.slice(node.from, node.to);
}

/** The series in a response of `/metrics`, with the union of the labels of each metric. */
export function readExposition(text: string): Series {
  const series = new Map<string, Set<string>>();
  for (const [, name = '', list = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const labels = [...list.matchAll(/(\w+)="(?:[^"\\]|\\.)*",?/g)].map(([, label = '']) => label);
    series.set(name, (series.get(name) ?? new Set()).union(new Set(labels)));
  }
  return series;
}
