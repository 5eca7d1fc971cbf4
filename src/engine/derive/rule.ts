/** What a rule is, and what it may look at. */
import type { Problem } from '../../api/problem.ts';
import type { Kind, MeshSnapshot, ObjectRef, Objects } from '../model.ts';
import type { IndexName } from './indexes.ts';

/** A pure function of what it reads. It may read nodes of lower layers only, so a cycle cannot be written. */
export interface Rule<V> {
  readonly name: string;
  readonly layer: number;
  readonly compute: (read: Reader, key: string) => V;
}

/** Where a part of a value comes from: `pointer` (RFC 6901) into the node's data, the object, and the rule in words. */
export interface Origin {
  readonly pointer: string;
  readonly object: ObjectRef;
  readonly rule: string;
}

/** Everything that a rule may look at. Each call records an input, and absence is recorded too. */
export interface Reader {
  /** The last valid version of an object. */
  get<K extends Kind>(kind: K, key: string): Objects[K] | undefined;
  /** What is wrong with the newest version of an object. */
  problems(kind: Kind, key: string): readonly Problem[];
  /** Keys of the objects that an index has under a value, sorted. */
  bucket(index: IndexName, value: string): readonly string[];
  node<V>(rule: Rule<V>, key: string): V;
  trust(): MeshSnapshot['trust'];
  /** uid that the pod's proxy enrolled with. */
  enrolled(podKey: string): string | undefined;
  /** Says where a part of the value comes from; never part of the value. */
  because(pointer: string, kind: Kind, key: string, rule: string): void;
}
