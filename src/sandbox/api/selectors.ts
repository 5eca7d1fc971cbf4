/** Label and field selectors: from the query's text to a predicate. */
import { type KubeObject, objectAt } from './objects.ts';
import { badRequest } from './status.ts';

export type Predicate = (object: KubeObject) => boolean;

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** Splits at commas outside parentheses. */
const terms = (text: string) =>
  text
    .split(/,(?![^(]*\))/)
    .map(term => term.trim())
    .filter(Boolean);

const setTerm = /^([\w./-]+)\s+(in|notin)\s*\(([^)]*)\)$/;
const equalTerm = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/;
const existsTerm = /^(!?)\s*([\w./-]+)$/;

function labelTest(term: string): LabelTest {
  const set = setTerm.exec(term);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map(value => value.trim()));
    return labels => values.has(labels[key] ?? ' ') === (operator === 'in');
  }
  const equal = equalTerm.exec(term);
  if (equal) {
    const [, key = '', operator, value] = equal;
    return labels => (labels[key] === value) === (operator !== '!=');
  }
  const exists = existsTerm.exec(term);
  if (!exists) throw badRequest(`unable to parse requirement: ${JSON.stringify(term)}`);
  const [, not, key = ''] = exists;
  return labels => Object.hasOwn(labels, key) === (not === '');
}

/** The grammar of `labelSelector` (apimachinery `labels.Parse`), without the numeric comparisons. */
export function labelSelector(text: string): Predicate {
  const tests = terms(text).map(labelTest);
  return object => tests.every(test => test(object.metadata.labels ?? {}));
}

/** Fields that may be selected besides `metadata.name` and `metadata.namespace`, by resource. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'status.phase',
    'spec.serviceAccountName',
    'status.podIP',
    'spec.restartPolicy',
    'spec.schedulerName',
  ],
  services: ['spec.clusterIP', 'spec.type'],
  secrets: ['type'],
  namespaces: ['status.phase'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'type',
    'source',
  ],
};

const fieldOf = (object: KubeObject, path: string) =>
  String(path.split('.').reduce<unknown>((value, key) => objectAt(value)[key], object) ?? '');

/** The grammar of `fieldSelector`; a field that the resource does not select by is a 400, as in the real server. */
export function fieldSelector(text: string, id: string): Predicate {
  const tests = terms(text).map(term => {
    const [, path = '', operator = '', value = ''] = /^([\w.]+)\s*(==|=|!=)\s*(.*)$/.exec(term) ?? [];
    const known = ['metadata.name', 'metadata.namespace', ...(selectable[id] ?? [])];
    if (operator === '') throw badRequest(`invalid selector: ${JSON.stringify(term)}`);
    if (!known.includes(path)) throw badRequest(`field label not supported: ${path}`);
    return (object: KubeObject) => (fieldOf(object, path) === value) === (operator !== '!=');
  });
  return object => tests.every(test => test(object));
}
