import {
  catchError,
  defer,
  EMPTY,
  expand,
  filter,
  mergeMap,
  type Observable,
  of,
  repeat,
  switchMap,
  take,
  takeUntil,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { type Problem, ProblemError } from '../../api/problem.ts';
import type { ListPage } from '../client.ts';
import { KubeError, lostEvents, SilentStream, unreadable } from '../errors.ts';
import { isStoredObject, keyOfObject, type StoredObject } from '../object.ts';
import type { ResourceInfo } from '../resource.ts';
import { systemTiming, type Timing } from '../timing.ts';
import { Known } from './known.ts';
import { BrokenLine, lines } from './lines.ts';
import { Pace } from './pace.ts';
import { readWatchLine } from './read-line.ts';
import {
  defaultBounds,
  type ListWatch,
  newCounters,
  type ObjectEvent,
  type WatchBounds,
  type WatchCounters,
  type WatchEvent,
  type WatchOptions,
} from './types.ts';

/**
 * Follows one kind: lists, then watches from where the list was, for as long as it is subscribed to.
 *
 * ```
 *            ┌────────────── 410, silence, nothing readable three times ──────────────┐
 *            ▼                                                                        │
 *   ┌──▶ listing ── whole list ──▶ watching ◀── ended, broken, held: same place ──▶ watching
 *   │        │
 *   │       404: not installed, so empty
 *   └── wait ┘
 * ```
 * Every step ends by completing; what comes next is in `#position` (undefined: a list) and `#pace`. Errors of the
 * source are caught within a step, upstream of the consumer, so an exception of the consumer is never taken for one.
 */
export class Watcher {
  readonly #source: ListWatch;
  readonly #resource: ResourceInfo;
  readonly #onProblem: (problem: Problem) => void;
  readonly #hold: Observable<boolean>;
  readonly #timing: Timing;
  readonly #bounds: WatchBounds;
  readonly #counters: WatchCounters;
  readonly #known: Known;
  readonly #pace: Pace;

  /** resourceVersion to watch from. */
  #position: string | undefined;
  #streams = 0;
  #lists = 0;
  /** A list once was complete and nothing but watches since: what a new one finds was missed. */
  #following = false;
  /** Changes that the list under way found. */
  #found = 0;
  /** List in one answer, since the server forgot the list between two pages. */
  #unpaged = false;
  /** Undefined until the first list; false once it was told that there is nothing. */
  #installed: boolean | undefined;
  /** The last look did not find the kind. */
  #missing = false;

  constructor(source: ListWatch, resource: ResourceInfo, options: WatchOptions) {
    this.#source = source;
    this.#resource = resource;
    this.#onProblem = options.onProblem;
    this.#hold = options.hold ?? of(false);
    this.#timing = options.timing ?? systemTiming;
    this.#bounds = { ...defaultBounds, ...options.bounds };
    this.#counters = options.counters ?? newCounters();
    this.#known = new Known(options.known);
    this.#pace = new Pace(this.#timing, this.#bounds, this.#onProblem);
  }

  run(): Observable<WatchEvent> {
    return defer(() => this.#step()).pipe(repeat({ delay: () => this.#pause() }));
  }

  #step(): Observable<WatchEvent> {
    const step = this.#position === undefined ? this.#list() : this.#watch(this.#position);
    return step.pipe(catchError(error => this.#failed(error)));
  }

  #pause(): Observable<unknown> {
    return timer(this.#pace.waitMs, this.#timing.scheduler).pipe(switchMap(() => this.#free()));
  }

  /** Emits once nothing is held; a hold that ends without saying so holds nothing. */
  #free(): Observable<boolean> {
    return this.#hold.pipe(
      filter(held => !held),
      take(1),
    );
  }

  // Listing

  #list(): Observable<WatchEvent> {
    this.#known.beginList();
    this.#found = 0;
    return this.#page(undefined).pipe(
      expand(page =>
        page.continue === undefined ? EMPTY : this.#free().pipe(switchMap(() => this.#page(page.continue))),
      ),
      mergeMap(page => this.#readPage(page)),
    );
  }

  #page(token: string | undefined): Observable<ListPage> {
    return this.#source.list({
      ...(!this.#unpaged && { limit: this.#bounds.pageSize }),
      ...(token !== undefined && { continue: token }),
    });
  }

  #readPage(page: ListPage): WatchEvent[] {
    const events: WatchEvent[] = page.items.flatMap(item => this.#applied(this.#checked(item)));
    this.#found += events.length;
    return page.continue === undefined ? [...events, ...this.#listed(page.resourceVersion)] : events;
  }

  #checked(item: unknown): StoredObject {
    if (isStoredObject(item)) return item;
    throw unreadable(this.#resource.kind, 'a list with an object without name or resourceVersion');
  }

  /** The list is whole: what it did not name is gone. */
  #listed(resourceVersion: string): WatchEvent[] {
    const gone = this.#known.endList();
    this.#found += gone.length;
    if (this.#lists++ > 0) this.#counters.relists++;
    if (this.#following) this.#countMissed();
    this.#following = true;
    this.#position = resourceVersion;
    this.#unpaged = false;
    this.#installed = true;
    this.#missing = false;
    this.#pace.listed();
    return [...this.#deletions(gone, resourceVersion), this.#synced(resourceVersion)];
  }

  #countMissed(): void {
    this.#counters.missed += this.#found;
    if (this.#found > 0) this.#onProblem(lostEvents(this.#resource.kind, this.#found));
  }

  // Watching

  #watch(resourceVersion: string): Observable<WatchEvent> {
    const { streamSeconds, idleMs, maxLineBytes } = this.#bounds;
    const { scheduler, random } = this.#timing;
    this.#pace.opened();
    if (this.#streams++ > 0) this.#counters.reconnects++;
    const timeoutSeconds = Math.round(streamSeconds * (1 + random()));
    return this.#source.watch({ resourceVersion, timeoutSeconds }).pipe(
      timeout({ each: idleMs, scheduler, with: () => throwError(() => new SilentStream(this.#resource.kind, idleMs)) }),
      lines(maxLineBytes),
      // Before the lines are read: what a line says is told to its end, though its first event may lead to the hold.
      takeUntil(this.#held()),
      mergeMap(line => this.#readLine(line)),
      tap({ complete: () => this.#ended() }),
    );
  }

  #held(): Observable<unknown> {
    return this.#hold.pipe(
      filter(held => held),
      tap(() => this.#pace.progress()),
    );
  }

  #readLine(text: string): WatchEvent[] {
    const line = readWatchLine(text, this.#resource.kind, this.#resource.plural);
    this.#pace.progress();
    if (line.type === 'bookmark') {
      this.#counters.bookmarks++;
      return [this.#passed(line.resourceVersion)];
    }
    const events = line.type === 'applied' ? this.#applied(line.object) : this.#deleted(line.object);
    return [...events, this.#passed(line.object.metadata.resourceVersion)];
  }

  #passed(resourceVersion: string): WatchEvent {
    this.#position = resourceVersion;
    return { type: 'passed', kind: this.#resource.kind, resourceVersion };
  }

  #applied(raw: StoredObject): ObjectEvent[] {
    const [key, { resourceVersion }] = [keyOfObject(raw), raw.metadata];
    if (!this.#known.apply(key, resourceVersion)) return [];
    this.#counters.events++;
    return [{ type: 'applied', kind: this.#resource.kind, key, resourceVersion, raw }];
  }

  #deleted(raw: StoredObject): ObjectEvent[] {
    const key = keyOfObject(raw);
    return this.#known.remove(key) ? this.#deletions([key], raw.metadata.resourceVersion) : [];
  }

  #deletions(keys: readonly string[], resourceVersion: string): ObjectEvent[] {
    this.#counters.events += keys.length;
    return keys.map(key => ({ type: 'deleted', kind: this.#resource.kind, key, resourceVersion }));
  }

  #synced(resourceVersion: string): WatchEvent {
    return { type: 'synced', kind: this.#resource.kind, resourceVersion };
  }

  // What comes next

  /** The server ended the stream, as it does every few minutes, or it is held: on from the same place. */
  #ended(): void {
    this.#pace.closed();
    this.#pace.again();
  }

  /** What the step failed with decides on the next one; anything but a ProblemError is a bug and ends the watch. */
  #failed(error: unknown): WatchEvent[] {
    const failure = error instanceof BrokenLine ? unreadable(this.#resource.kind, error.message, error) : error;
    if (!(failure instanceof ProblemError)) throw failure;
    const status = failure instanceof KubeError ? failure.status : undefined;
    const watching = this.#position !== undefined;
    if (watching) this.#pace.closed();
    if (status === 410) return this.#expired(watching);
    this.#counters.errors++;
    this.#pace.tell(failure.problem);
    if (status === 404 && !watching) return this.#absent();
    this.#pace.after(failure);
    if (watching && this.#pace.doubts(failure)) this.#position = undefined;
    return [];
  }

  /** The server has forgotten the place (a watch), or the list between two of its pages. */
  #expired(watching: boolean): WatchEvent[] {
    this.#unpaged = !watching;
    this.#position = undefined;
    this.#pace.again();
    return [];
  }

  /**
   * The kind is not installed: that is an empty list, looked at again now and then. A server that just started may
   * say so by mistake, so what is known goes only when a second look agrees.
   */
  #absent(): WatchEvent[] {
    const sure = this.#known.size === 0 || this.#missing;
    this.#missing = true;
    this.#pace.later(sure ? this.#bounds.absentMs : this.#bounds.confirmMs);
    if (!sure) return [];
    this.#following = false;
    if (this.#installed === false) return [];
    this.#installed = false;
    this.#known.beginList();
    return [...this.#deletions(this.#known.endList(), ''), this.#synced('')];
  }
}
