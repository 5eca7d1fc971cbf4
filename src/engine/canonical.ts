import { hash } from 'node:crypto';

/** A value that JSON can say exactly. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * RFC 8785 (JSON Canonicalization Scheme): the one encoder of every byte that is hashed or journaled.
 * Keys are sorted by UTF-16 code units, which is what `Array.prototype.sort` does; numbers and strings are as
 * ECMAScript writes them; members whose value is undefined are left out.
 *
 * @throws TypeError for a number that JSON cannot say (NaN, infinities).
 */
export function canonical(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return canonicalNumber(value);
  if (isArray(value)) return `[${value.map(canonical).join(',')}]`;
  return canonicalObject(value);
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON cannot say the number ${value}`);
  return JSON.stringify(value);
}

function canonicalObject(value: { readonly [key: string]: Json | undefined }): string {
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonical(member)}`);
  }
  return `{${members.join(',')}}`;
}

/** Content address: the first 192 bits of SHA-256, as 32 characters of base64url. */
export type Hash = string;

/** Content address of already canonical bytes. */
export function hashBytes(bytes: string): Hash {
  return hash('sha256', bytes, 'buffer').toString('base64url', 0, 24);
}

/** Content address of a value. */
export function hashOf(value: Json): Hash {
  return hashBytes(canonical(value));
}
