import { type BehaviorSubject, type MonoTypeOperatorFunction, Observable, type Subscriber } from 'rxjs';
import type { ObjectEvent, PassedKind, SyncedKind, WatchEvent } from './types.ts';

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
 *
 * What is said of a kind as a whole ends a burst. A burst takes all that waits, so whatever came before such a word has
 * then gone out, or something newer of the same object in its place.
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
  /** By object, in the order of their newest events. */
  #pending = new Map<string, ObjectEvent>();
  /** The newest `synced` and `passed` of each kind. */
  #words = new Map<string, SyncedKind | PassedKind>();
  #draining = false;

  constructor(subscriber: Subscriber<WatchEvent>, options: CoalesceOptions) {
    this.#subscriber = subscriber;
    this.#options = options;
  }

  offer(event: WatchEvent): void {
    if ('key' in event) this.#keep(event);
    else this.#words.set(`${event.type} ${event.kind}`, event);
    if (!this.#draining) void this.#drain();
  }

  #keep(event: ObjectEvent): void {
    const key = `${event.kind} ${event.key}`;
    this.#pending.delete(key);
    this.#pending.set(key, event);
    const { hold, maxPending } = this.#options;
    if (this.#pending.size >= maxPending && !hold.value) hold.next(true);
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    try {
      // What arrives in the same turn belongs to the same burst.
      await Promise.resolve();
      while (this.#pending.size + this.#words.size > 0 && !this.#subscriber.closed) {
        this.#emit();
        await this.#options.ready();
      }
    } catch (error) {
      this.#subscriber.error(error);
    }
    this.#draining = false;
  }

  #emit(): void {
    const events = [...this.#pending.values(), ...this.#words.values()];
    this.#pending.clear();
    this.#words.clear();
    for (const event of events) this.#subscriber.next(event);
    if (this.#options.hold.value) this.#options.hold.next(false);
  }
}
