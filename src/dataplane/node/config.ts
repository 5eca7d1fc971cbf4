/** The configuration in force, and its copy in the state directory, from which a restarted sidecar goes on alone. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../../api/problem.ts';
import type { Hash } from '../../engine/canonical.ts';
import type { AnyNode } from '../../engine/config.ts';
import { fnv1a } from '../../engine/snapshot.ts';
import { writeFileAtomic } from '../../identity/files.ts';
import { stateFiles } from '../driver.ts';
import * as policy from '../policy/policy.js';
import type { Host, Tables } from '../policy/types.ts';
import type { Mark } from '../push/protocol.ts';

/** Nodes that a control plane may send before a commit uses them. */
const stagedMax = 100_000;

/** What the policy may not make itself: the process's own clock and chance. */
const ownHost: Host = { random: Math.random, now: () => performance.now(), hash: fnv1a };

/** As it lies in the state directory. */
interface Stored {
  readonly root: Hash;
  readonly mark: Mark;
  readonly nodes: Readonly<Record<Hash, AnyNode>>;
}

/** Keeps the text of the last configuration for the next start. */
export interface Shelf {
  /** undefined where nothing was ever kept. */
  read(): string | undefined;
  /** Afterwards `read` gives the old text or the new, never a part. */
  write(text: string): Promise<void>;
}

/** What became of a commit. */
export type Committed =
  | { readonly t: 'swapped' }
  | { readonly t: 'need'; readonly hashes: readonly Hash[] }
  | { readonly t: 'refused'; readonly problem: Problem };

/** Makes everything ready that tables need, and gives back what puts them into force; rejects when something cannot be had. */
export type Prepare = (tables: Tables) => Promise<() => void>;

export class Configuration {
  readonly #shelf: Shelf;
  readonly #prepare: Prepare;
  readonly #host: Host;
  #nodes = new Map<Hash, AnyNode>();
  #tables: Tables | null = null;
  #mark: Mark | null = null;
  /** Number of the newest commit. */
  #turn = 0;
  /** The newest commit; it never rejects. */
  #committing: Promise<unknown> = Promise.resolve();
  /** The last `need`, until a commit brings everything. */
  #asked: string | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param kept where the configuration in force is kept: a state directory, or a shelf */
  constructor(kept: string | Shelf, prepare: Prepare, host: Host = ownHost) {
    this.#shelf = typeof kept === 'string' ? fileShelf(join(kept, stateFiles.config)) : kept;
    this.#prepare = prepare;
    this.#host = host;
  }

  /** null until a first configuration has come. */
  get tables(): Tables | null {
    return this.#tables;
  }

  /** What the next hello says. */
  get position(): { readonly root: Hash | null; readonly mark: Mark | null } {
    return { root: this.#tables?.root ?? null, mark: this.#mark };
  }

  /** Takes the stored configuration into force. @returns what hinders it, or undefined */
  async restore(): Promise<Problem | undefined> {
    const stored = readStored(this.#shelf);
    if (stored === undefined) return undefined;
    this.#nodes = new Map(Object.entries(stored.nodes));
    const committed = await this.commit(stored.root, stored.mark);
    return committed.t === 'refused' ? committed.problem : undefined;
  }

  /**
   * The last stream is over. A commit of it that is not ready yet does not come into force any more, for what the next
   * hello says has to hold until the next commit; and what was asked for on it will not come.
   */
  abandon(): void {
    this.#turn++;
    this.#asked = null;
  }

  /** Keeps a node for a commit to come. @returns false when there are too many */
  stage(hash: Hash, node: AnyNode): boolean {
    this.#nodes.set(hash, node);
    return this.#nodes.size <= stagedMax;
  }

  /**
   * Swaps to the tree under a root, as a whole or not at all. One commit after the other: a stream that breaks may leave
   * one behind that is not ready yet, and it must not come into force over the newer one of the next stream.
   */
  commit(root: Hash, mark: Mark): Promise<Committed> {
    const turn = ++this.#turn;
    const committed = this.#committing.then(() => this.#commit(root, mark, turn));
    this.#committing = committed;
    return committed;
  }

  async #commit(root: Hash, mark: Mark, turn: number): Promise<Committed> {
    if (turn !== this.#turn) return overtaken(root);
    const lacking = policy.missing(this.#nodes, root);
    if (lacking.length > 0) return this.#lacks(root, lacking);
    this.#asked = null;
    try {
      const tables = policy.compile(this.#nodes, root, this.#host, this.#tables);
      const enforce = await this.#prepare(tables);
      if (turn !== this.#turn) return overtaken(root);
      this.#tables = tables;
      this.#mark = mark;
      enforce();
      this.#forgetUnreachable(root);
      this.#store({ root, mark, nodes: Object.fromEntries(this.#nodes) });
      return { t: 'swapped' };
    } catch (error) {
      if (this.#tables !== null) this.#forgetUnreachable(this.#tables.root);
      return { t: 'refused', problem: refused(root, error instanceof Error ? error.message : String(error)) };
    }
  }

  /** What is asked for twice in the same words will not come. */
  #lacks(root: Hash, hashes: readonly Hash[]): Committed {
    const question = [root, ...hashes].join();
    if (this.#asked === question) {
      return { t: 'refused', problem: refused(root, `${hashes.length} nodes of it were asked for and did not come`) };
    }
    this.#asked = question;
    return { t: 'need', hashes };
  }

  #forgetUnreachable(root: Hash): void {
    const keep = new Set(policy.reachable(this.#nodes, root));
    for (const hash of this.#nodes.keys()) if (!keep.has(hash)) this.#nodes.delete(hash);
  }

  /** One write after the other; a power cut leaves the old file or the new one. */
  #store(stored: Stored): void {
    const write = () => this.#shelf.write(JSON.stringify(stored));
    this.#writing = this.#writing.then(write, write);
    // Whoever asks `stored` hears of a failure; one that nobody asks about must not end the process.
    this.#writing.catch(() => undefined);
  }

  /** Resolves when the configuration in force is in the state directory; rejects when it could not be written. */
  stored(): Promise<void> {
    return this.#writing;
  }
}

function fileShelf(path: string): Shelf {
  return { read: () => textOf(path), write: text => writeFileAtomic(path, text, 0o600) };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function readStored(shelf: Shelf): Stored | undefined {
  try {
    const text = shelf.read();
    return text === undefined ? undefined : (JSON.parse(text) as Stored);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function overtaken(root: Hash): Committed {
  return { t: 'refused', problem: refused(root, 'a newer one came before it was ready') };
}

function refused(root: Hash, why: string): Problem {
  return {
    code: 'FSM3001',
    path: '',
    what: `the configuration ${root} cannot be put into force`,
    why,
    fix: 'The previous configuration stays in force; report this, with the log of the control plane.',
  };
}
