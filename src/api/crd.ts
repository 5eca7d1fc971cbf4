/** CustomResourceDefinitions (apiextensions.k8s.io/v1) with structural schemas, made of the schemas of the kinds. */
import { apiVersionOf, type Resource } from './resources.ts';
import type { SchemaNode } from './schema.ts';

/** A column of `kubectl get`. */
interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly description?: string;
  readonly jsonPath: string;
}

/** JSON of a CRD. */
export type Manifest = Readonly<Record<string, unknown>>;

const columns: Readonly<Record<string, readonly Column[]>> = {
  MeshConfig: [
    {
      name: 'Permissive',
      type: 'boolean',
      description: 'Whether every workload may call every service.',
      jsonPath: '.spec.traffic.enablePermissiveTrafficPolicyMode',
    },
  ],
  TrafficTarget: [
    { name: 'Destination', type: 'string', description: 'Who is called.', jsonPath: '.spec.destination.name' },
  ],
  HTTPRouteGroup: [
    { name: 'Matches', type: 'string', description: 'Names of the matches.', jsonPath: '.spec.matches[*].name' },
  ],
  TCPRoute: [{ name: 'Ports', type: 'string', description: 'Target ports.', jsonPath: '.spec.matches.ports' }],
  TrafficSplit: [{ name: 'Service', type: 'string', description: 'The apex service.', jsonPath: '.spec.service' }],
};

const commonColumns: readonly Column[] = [
  {
    name: 'Accepted',
    type: 'string',
    description: 'Whether the mesh could use the newest version.',
    jsonPath: '.status.conditions[?(@.type=="Accepted")].status',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** The CRD of a kind of ours or of SMI's, as JSON. */
export function crdOf(resource: Resource): Manifest {
  const { group, plural, singular, shortNames, kind } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/name': 'flomesh.io' } },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames },
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      versions: resource.versions.map(version => versionEntry(resource, version)),
    },
  };
}

/** MeshConfigs of the older versions are written in the same shape; `kubectl` warns of them. */
function versionEntry(resource: Resource, version: string): Manifest {
  const storage = version === resource.version;
  const deprecated = !storage && resource.kind === 'MeshConfig';
  const warning = `${apiVersionOf(resource, version)} ${resource.kind} is deprecated; write ${apiVersionOf(resource)}`;
  return {
    name: version,
    served: true,
    storage,
    ...(deprecated && { deprecated, deprecationWarning: warning }),
    additionalPrinterColumns: [...(columns[resource.kind] ?? []), ...commonColumns],
    schema: { openAPIV3Schema: root((resource.otherSchemas[version] ?? resource.schema) as SchemaNode) },
    subresources: { status: {} },
  };
}

function root(schema: SchemaNode): Manifest {
  const { metadata: _, ...own } = schema.properties ?? {};
  const properties = {
    apiVersion: { type: 'string', description: 'Version of the schema that this object is written in.' },
    kind: { type: 'string', description: 'Kind of this object.' },
    metadata: { type: 'object' },
    ...mapValues(own, structural),
    status,
  };
  const required = (schema.required ?? []).filter(name => name !== 'metadata');
  return { type: 'object', description: schema.description, ...(required.length > 0 && { required }), properties };
}

/** Keywords that a structural schema carries over as they are. */
const kept = [
  'description',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'required',
] as const;

/** The structural form of a schema node; our own annotations stay behind. */
function structural(node: SchemaNode): Manifest {
  if (typeof node.type !== 'string') return mixed(node);
  return {
    type: node.type,
    ...Object.fromEntries(kept.filter(key => node[key] !== undefined).map(key => [key, node[key]])),
    ...(node.properties && { properties: mapValues(node.properties, structural) }),
    ...(node.items && { items: structural(node.items) }),
    ...(node.additionalProperties && { additionalProperties: structural(node.additionalProperties) }),
  };
}

/**
 * A structural schema has one type or none. A number or text has a name of its own; anything else keeps its fields
 * unchecked here, and the mesh checks it when it reads the object.
 */
function mixed({ type = [], description }: SchemaNode): Manifest {
  const known = [...type].sort().join() === 'integer,string';
  const extension = known ? 'x-kubernetes-int-or-string' : 'x-kubernetes-preserve-unknown-fields';
  return { ...(description && { description }), [extension]: true };
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, change: (value: V) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

const field = (description: string, more: Manifest = {}): Manifest => ({ type: 'string', description, ...more });

/** Conditions as meta/v1 Condition has them; a list by type, so that each writer owns its own. */
const status: Manifest = {
  type: 'object',
  description: 'What the mesh says about this object; written by the mesh.',
  properties: {
    conditions: {
      type: 'array',
      description: 'One condition of each type.',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
        properties: {
          type: field('Type of the condition, such as `Accepted`.', { maxLength: 316 }),
          status: field('True, False or Unknown.', { enum: ['True', 'False', 'Unknown'] }),
          observedGeneration: {
            type: 'integer',
            format: 'int64',
            minimum: 0,
            description: 'Generation of the object that the condition speaks of.',
          },
          lastTransitionTime: field('When the status last changed.', { format: 'date-time' }),
          reason: field('One word for programs.', { minLength: 1, maxLength: 1024 }),
          message: field('What is wrong, why, and how to mend it.', { maxLength: 32768 }),
        },
      },
    },
  },
};
