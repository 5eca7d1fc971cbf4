/** Events (core/v1) about pods: what `kubectl describe` ends with. */
import { createHash } from 'node:crypto';
import { type KubeObject, timestamp } from '../api/objects.ts';
import { ApiFailure } from '../api/status.ts';
import type { Store } from '../api/store.ts';
import { builtinResource } from '../controllers/controller.ts';

/** What an Event says. */
export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Who says it. */
  readonly component: string;
}

/** Says something about an object. What was said before is counted, not said again; in a namespace that ends, nothing. */
export function tellEvent(store: Store, about: KubeObject, told: Told): void {
  try {
    write(store, about, told);
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
  }
}

function write(store: Store, about: KubeObject, { type, reason, message, component }: Told): void {
  const { namespace = '', name, uid = '' } = about.metadata;
  const resource = builtinResource(store, 'events');
  const at = timestamp(Date.now());
  const hash = createHash('sha256').update([uid, type, reason, message].join('\n')).digest('hex').slice(0, 16);
  const event = `${name.slice(0, 200)}.${hash}`;
  if (store.get('events', namespace, event) !== undefined) {
    const again = (draft: KubeObject) => ({ ...draft, count: Number(draft.count ?? 1) + 1, lastTimestamp: at });
    return void store.update(resource, namespace, event, again);
  }
  const { apiVersion, kind } = about;
  store.create(resource, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: event, namespace },
    involvedObject: { apiVersion, kind, namespace, name, uid },
    source: { component },
    ...{ type, reason, message, count: 1, firstTimestamp: at, lastTimestamp: at },
  });
}
