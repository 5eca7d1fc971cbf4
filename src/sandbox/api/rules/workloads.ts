/** Deployments (kubernetes `pkg/apis/apps/validation`), as far as people meet it. */
import { isObject, jsonEqual, type KubeObject, objectAt } from '../objects.ts';
import type { Cause } from '../status.ts';
import { isFilled, oneOf, required, wrong } from './causes.ts';
import { checkLabels } from './metadata.ts';
import { checkPodSpec } from './pods.ts';

const share = /^(100|[0-9]{1,2})%$/;

function checkShare(field: string, value: unknown, most: boolean): readonly Cause[] {
  if (value === undefined) return [];
  if (typeof value === 'number') {
    return value >= 0 ? [] : [wrong(field, value, 'must be greater than or equal to 0')];
  }
  const valid = most ? share.test(String(value)) : /^[0-9]+%$/.test(String(value));
  return valid
    ? []
    : [wrong(field, value, "a valid percent string must be a numeric string followed by an ending '%'")];
}

function checkStrategy(given: unknown): readonly Cause[] {
  const { type, rollingUpdate } = objectAt(given);
  const { maxSurge, maxUnavailable } = objectAt(rollingUpdate);
  const field = 'spec.strategy.rollingUpdate';
  const isZero = (value: unknown) => value === 0 || value === '0%';
  return [
    ...oneOf('spec.strategy.type', type, ['Recreate', 'RollingUpdate']),
    ...checkShare(`${field}.maxSurge`, maxSurge, false),
    ...checkShare(`${field}.maxUnavailable`, maxUnavailable, true),
    ...(isZero(maxSurge) && isZero(maxUnavailable)
      ? [wrong(`${field}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0')]
      : []),
  ];
}

function checkSelector(selector: unknown, labels: Readonly<Record<string, unknown>>): readonly Cause[] {
  if (!isObject(selector)) return [required('spec.selector')];
  const { matchLabels, matchExpressions } = selector;
  if (!isFilled(matchLabels) && !(Array.isArray(matchExpressions) && matchExpressions.length > 0))
    return [wrong('spec.selector', selector, 'empty selector is invalid for deployment')];
  if (Array.isArray(matchExpressions) && matchExpressions.length > 0)
    return [wrong('spec.selector.matchExpressions', matchExpressions, 'expressions are not in the sandbox')];
  const pairs = Object.entries(objectAt(matchLabels));
  return pairs.every(([key, value]) => labels[key] === value)
    ? []
    : [wrong('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

/** A Deployment; `old` is what it replaces. */
export function checkDeployment(deployment: KubeObject, old: KubeObject | undefined): readonly Cause[] {
  const spec = objectAt(deployment.spec);
  const template = objectAt(spec.template);
  const labels = objectAt(objectAt(template.metadata).labels);
  const counts = ['replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds'];
  const { restartPolicy } = objectAt(template.spec);
  const changed = old !== undefined && !jsonEqual(objectAt(old.spec).selector, spec.selector);
  return [
    ...counts
      .filter(name => Number(spec[name] ?? 0) < 0)
      .map(name => wrong(`spec.${name}`, spec[name], 'must be greater than or equal to 0')),
    ...checkPodSpec(template.spec, 'spec.template.spec'),
    ...oneOf('spec.template.spec.restartPolicy', restartPolicy, ['Always']),
    ...checkLabels(labels, 'spec.template.metadata.labels'),
    ...checkSelector(spec.selector, labels),
    ...checkStrategy(spec.strategy),
    ...(changed ? [wrong('spec.selector', spec.selector, 'field is immutable')] : []),
  ];
}
