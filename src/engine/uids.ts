/** Finds a pod by its uid: certificates name pods so, everything else by key. */
import type { MeshEvent, MeshSnapshot } from './model.ts';
import { eachEntry } from './snapshot.ts';

export class PodsByUid {
  readonly #keys = new Map<string, string>();
  readonly #uids = new Map<string, string>();

  fill(snapshot: MeshSnapshot): void {
    eachEntry(snapshot, 'Pod', (key, { object }) => {
      if (object !== undefined) this.#set(key, object.uid);
    });
  }

  /** @returns uids of the pods that went */
  follow(events: readonly MeshEvent[]): string[] {
    const before = new Set<string>();
    for (const event of events) {
      if (event.type === 'rootChanged' || event.type === 'enrolled' || event.kind !== 'Pod') continue;
      const uid = this.#uids.get(event.key);
      if (uid !== undefined) before.add(uid);
      if (event.type === 'deleted') this.#delete(event.key);
      else if (event.object.ok && 'uid' in event.object.object) this.#set(event.key, event.object.object.uid);
    }
    return [...before].filter(uid => !this.#keys.has(uid));
  }

  /** `namespace/name` of the pod with this uid. */
  key(uid: string): string | undefined {
    return this.#keys.get(uid);
  }

  /** A pod that was made again under its name has another uid. */
  #set(key: string, uid: string): void {
    this.#delete(key);
    this.#keys.set(uid, key);
    this.#uids.set(key, uid);
  }

  #delete(key: string): void {
    const uid = this.#uids.get(key);
    if (uid !== undefined) this.#keys.delete(uid);
    this.#uids.delete(key);
  }
}
