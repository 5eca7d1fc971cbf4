import type { Observable, Subscription } from 'rxjs';
import type { Problem } from '../../src/api/problem.ts';
import type { WatchEvent } from '../../src/kube/watch/types.ts';

/** Subscribes to a watch and lets a test wait for what it tells. */
export interface Recorder {
  /** `applied shop/cart 7`, `deleted shop/cart 8`, `synced 9`. */
  readonly lines: string[];
  /** Waits until so many events have been told, and returns them. */
  atLeast(count: number): Promise<string[]>;
  /** Waits until an event is told that the pattern matches. */
  seen(pattern: RegExp): Promise<string>;
  /** Resolves with the error that ended the watch. */
  readonly failed: Promise<unknown>;
  [Symbol.dispose](): void;
}

export function record(events: Observable<WatchEvent>): Recorder {
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const failure = Promise.withResolvers<unknown>();
  const subscription: Subscription = events.subscribe({
    next: event => {
      lines.push(describe(event));
      for (const check of [...waiting]) check();
    },
    error: failure.resolve,
  });
  const when = <T>(found: () => T | undefined) =>
    new Promise<T>(resolve => {
      const check = () => {
        const value = found();
        if (value === undefined) return;
        waiting.delete(check);
        resolve(value);
      };
      waiting.add(check);
      check();
    });
  return {
    lines,
    atLeast: count => when(() => (lines.length >= count ? lines : undefined)),
    seen: pattern => when(() => lines.find(each => pattern.test(each))),
    failed: failure.promise,
    [Symbol.dispose]: () => subscription.unsubscribe(),
  };
}

/** One event in one short line. */
export function describe(event: WatchEvent): string {
  if (!('key' in event)) return `${event.type} ${event.resourceVersion}`;
  return `${event.type} ${event.key} ${event.resourceVersion}`;
}

/** Collects problems; `codes` are what a test compares. */
export function problemLog(): { onProblem: (problem: Problem) => void; problems: Problem[]; codes: () => string[] } {
  const problems: Problem[] = [];
  return { problems, onProblem: problem => problems.push(problem), codes: () => problems.map(({ code }) => code) };
}
