/** Objects that several tests need. */
import type { JsonObject } from '../../../src/sandbox/api/objects.ts';

export const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels },
  data,
});

export const pod = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 8080, name: 'web' }] }] },
});

export const deployment = (name: string, replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: pod('').spec },
  },
});

export const service = (name: string, selector?: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 'web' }], ...(selector && { selector }) },
});

const splitSchema: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      required: ['service'],
      properties: {
        service: { type: 'string', description: 'The apex service.' },
        backends: {
          type: 'array',
          items: {
            type: 'object',
            required: ['service', 'weight'],
            properties: { service: { type: 'string' }, weight: { type: 'integer', minimum: 0 } },
          },
        },
        mode: { type: 'string', enum: ['random', 'sticky'], default: 'random' },
      },
    },
  },
};

const splitVersion = (name: string, storage: boolean) => ({
  name,
  storage,
  served: true,
  subresources: { status: {} },
  additionalPrinterColumns: [{ name: 'Service', type: 'string', jsonPath: '.spec.service' }],
  schema: { openAPIV3Schema: splitSchema },
});

/** A TrafficSplit with two versions and no conversion. */
export const splitDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'trafficsplits.split.smi-spec.io' },
  spec: {
    group: 'split.smi-spec.io',
    scope: 'Namespaced',
    names: { plural: 'trafficsplits', singular: 'trafficsplit', kind: 'TrafficSplit', shortNames: ['ts'] },
    versions: [splitVersion('v1alpha2', false), splitVersion('v1alpha4', true)],
  },
};

export const split = (name: string, spec: JsonObject, version = 'v1alpha4') => ({
  apiVersion: `split.smi-spec.io/${version}`,
  kind: 'TrafficSplit',
  metadata: { name },
  spec,
});

/** Paths in the namespace `default`. */
export const paths = {
  configMaps: '/api/v1/namespaces/default/configmaps',
  pods: '/api/v1/namespaces/default/pods',
  services: '/api/v1/namespaces/default/services',
  deployments: '/apis/apps/v1/namespaces/default/deployments',
  slices: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  definitions: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  splits: '/apis/split.smi-spec.io/v1alpha4/namespaces/default/trafficsplits',
  oldSplits: '/apis/split.smi-spec.io/v1alpha2/namespaces/default/trafficsplits',
} as const;
