/** Lists: selectors, pages and the revision they are of. */
import { type JsonObject, type KubeObject, keyOf } from './objects.ts';
import type { ResourceRequest } from './request.ts';
import { fieldSelector, labelSelector, type Predicate } from './selectors.ts';
import { ApiFailure, badRequest, expired } from './status.ts';
import type { Store } from './store.ts';

export interface Page {
  readonly items: readonly KubeObject[];
  /** The list's metadata. */
  readonly metadata: JsonObject;
}

interface Continue {
  readonly revision: number;
  /** Key of the last object of the page before. */
  readonly after: string;
}

const encode = (token: Continue) => Buffer.from(JSON.stringify(token)).toString('base64url');

function decode(text: string): Continue {
  try {
    const { revision, after } = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (Number.isInteger(revision) && typeof after === 'string') return { revision, after };
  } catch {
    // Anything that we did not write gets the one answer below.
  }
  throw badRequest('continue key is not valid');
}

/** What a request selects, of which namespace. */
export function selection({ namespace, query, resource }: ResourceRequest): Predicate {
  const labels = labelSelector(query.get('labelSelector') ?? '');
  const fields = fieldSelector(query.get('fieldSelector') ?? '', resource.id);
  return object => (namespace === '' || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

/** A resourceVersion from a query: undefined when absent, a 400 when it is not a number. */
export function revisionOf(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion is a number`);
  return Number(text);
}

/** The revision that a list is of (Kubernetes API concepts, "resourceVersion in GET and LIST"). */
function wantedRevision(store: Store, query: URLSearchParams): number {
  const current = store.log.revision();
  const asked = revisionOf(query.get('resourceVersion'));
  const match = query.get('resourceVersionMatch');
  if (asked === undefined && match !== null)
    throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (asked === undefined || asked === 0) return current;
  if (asked > current) {
    const message = `Too large resource version: ${asked}, current: ${current}`;
    throw new ApiFailure(504, 'Timeout', `Timeout: ${message}`, {
      causes: [{ reason: 'ResourceVersionTooLarge', message }],
      retryAfterSeconds: 1,
    });
  }
  return match === 'Exact' ? asked : current;
}

function limitOf(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 0);
  if (!Number.isInteger(limit) || limit < 0) throw badRequest('limit is not a number');
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** One page of what is selected. All pages of a list are of the revision of its first; when that is gone: 410. */
export function listPage(store: Store, request: ResourceRequest): Page {
  const { query, resource } = request;
  const token = query.get('continue') ? decode(query.get('continue') ?? '') : undefined;
  const revision = token?.revision ?? wantedRevision(store, query);
  const objects = store.log.at(resource.id, revision);
  if (objects === undefined)
    throw expired('The provided continue parameter or resourceVersion is too old: list again from the start');
  const select = selection(request);
  const keyed = [...objects].filter(([key, object]) => select(object) && (token === undefined || key > token.after));
  const sorted = keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  const items = sorted.slice(0, limitOf(query));
  const last = items.at(-1);
  const rest = sorted.length - items.length;
  const after = last && keyOf(last.metadata.namespace, last.metadata.name);
  const selected = query.has('labelSelector') || query.has('fieldSelector');
  const next = rest > 0 &&
    after !== undefined && { continue: encode({ revision, after }), ...(!selected && { remainingItemCount: rest }) };
  return { items, metadata: { resourceVersion: String(revision), ...next } };
}
