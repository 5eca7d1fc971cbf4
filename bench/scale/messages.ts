/** Questions from the bench to the processes that it forks, and their answers. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Question {
  readonly id: number;
  readonly name: string;
  readonly data: unknown;
}

type Reply = { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string };

/** A forked process that answers questions. */
export class Helper {
  readonly process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #ids = 0;

  /**
   * @param file of this folder
   * @param onNews is told what the process says unasked
   */
  constructor(file: string, onNews: (news: unknown) => void = () => {}) {
    this.process = fork(fileURLToPath(new URL(file, import.meta.url)), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.process.on('message', (message: Reply | { readonly news: unknown }) => {
      if ('news' in message) onNews(message.news);
      else this.#settle(message);
    });
  }

  /** @throws Error with what the process says */
  ask<T>(name: string, data: unknown = null): Promise<T> {
    const waiting = Promise.withResolvers<unknown>();
    const id = ++this.#ids;
    this.#waiting.set(id, waiting);
    this.process.send({ id, name, data } satisfies Question);
    return waiting.promise as Promise<T>;
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.value);
  }

  end(): void {
    this.process.kill('SIGKILL');
  }
}

/** In the forked process: answers each question by its name. */
export function answer(answers: Readonly<Record<string, (data: never) => unknown>>): void {
  process.on('message', async ({ id, name, data }: Question) => {
    try {
      const found = answers[name];
      if (found === undefined) throw new Error(`no answer to ${name}`);
      process.send?.({ id, value: await found(data as never) } satisfies Reply);
    } catch (error) {
      process.send?.({
        id,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      } satisfies Reply);
    }
  });
  process.once('disconnect', () => process.exit(0));
}

/** In the forked process: says something unasked. */
export function tell(news: unknown): void {
  process.send?.({ news });
}

/** Milliseconds since the epoch, with fractions: comparable between the processes of one machine. */
export function clockMs(): number {
  return performance.timeOrigin + performance.now();
}
