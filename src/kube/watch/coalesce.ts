import { type BehaviorSubject, type MonoTypeOperatorFunction, Observable, type Subscriber } from 'rxjs';
import type { WatchEvent } from './types.ts';

export interface CoalesceOptions {
  /** Asked after each burst of events; the next burst goes out when it resolves, and its rejection is the stream's error. */
  readonly ready: () => Promise<unknown>;
  /** Set true while `maxPending` events or more wait. */
  readonly hold: BehaviorSubject<boolean>;
  readonly maxPending: number;
}

/**
 * Lets a slow consumer catch up: while it is busy only the newest event of each object waits, and where too many wait
 * the source is asked to hold. An idle consumer gets what comes within the same turn, such as one chunk, in one burst.
 */
export function coalesce(options: CoalesceOptions): MonoTypeOperatorFunction<WatchEvent> {
  return source =>
    new Observable(subscriber => {
      const outlet = new Outlet(subscriber, options);
      subscriber.add(
        source.subscribe({
          next: event => outlet.offer(event),
          error: error => subscriber.error(error),
        }),
      );
    });
}

class Outlet {
  readonly #subscriber: Subscriber<WatchEvent>;
  readonly #options: CoalesceOptions;
  /** By object, in the order of their newest events; a kind's `synced` and `passed` stay behind all that came before. */
  #pending = new Map<string, WatchEvent>();
  #draining = false;

  constructor(subscriber: Subscriber<WatchEvent>, options: CoalesceOptions) {
    this.#subscriber = subscriber;
    this.#options = options;
  }

  offer(event: WatchEvent): void {
    const key = 'key' in event ? `${event.kind} ${event.key}` : `${event.type} of ${event.kind}`;
    const moves = this.#pending.delete(key);
    this.#pending.set(key, event);
    if (moves && 'key' in event) this.#moveMarkers(event.kind);
    const { hold, maxPending } = this.#options;
    if (this.#pending.size >= maxPending && !hold.value) hold.next(true);
    if (!this.#draining) void this.#drain();
  }

  /** What an older event of an object said is now said by a newer one: a marker that stood between waits for that. */
  #moveMarkers(kind: string): void {
    for (const type of ['synced', 'passed'] as const) {
      const marker = this.#pending.get(`${type} of ${kind}`);
      if (marker === undefined) continue;
      this.#pending.delete(`${type} of ${kind}`);
      this.#pending.set(`${type} of ${kind}`, marker);
    }
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    try {
      // What arrives in the same turn belongs to the same burst.
      await Promise.resolve();
      while (this.#pending.size > 0 && !this.#subscriber.closed) {
        this.#emit();
        await this.#options.ready();
      }
    } catch (error) {
      this.#subscriber.error(error);
    }
    this.#draining = false;
  }

  #emit(): void {
    const events = this.#pending.values();
    this.#pending = new Map();
    for (const event of events) this.#subscriber.next(event);
    if (this.#options.hold.value) this.#options.hold.next(false);
  }
}
