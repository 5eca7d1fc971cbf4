/**
 * The words in which the kinds are written down. Each makes a JSON Schema (2020-12, through typebox) of which the
 * TypeScript type, the CRD, the validation and the reference page are made; so a description is never optional.
 */
import Type, { type TProperties, type TSchema } from 'typebox';

/** Annotations of our own; generators read them, the CRD does not carry them. */
export interface Notes {
  /** The mesh reads this field: a change of it can change what a proxy is told. */
  readonly 'x-fsm-reads'?: true;
  /** What to do when the value is wrong, as one clause: `write 0 to send nothing there`. */
  readonly 'x-fsm-fix'?: string;
  /** What the value must be, as a noun: `a duration such as 24h or 1h30m`. */
  readonly 'x-fsm-expects'?: string;
  /** The bounds of a duration, milliseconds, and why a value beyond them cannot work. */
  readonly 'x-fsm-duration'?: { readonly least: string; readonly most: string; readonly why: string };
}

/** Any node of a schema, for the code that walks it. */
export interface SchemaNode extends Notes {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly additionalProperties?: SchemaNode;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Spread into the options of a field that the mesh reads. */
export const reads = { 'x-fsm-reads': true } as const;

/** A field that may be left out. */
export const optional = Type.Optional;

/** A mapping with the fields given here; unknown fields are left alone, as the Kubernetes API does. */
export const object = <P extends TProperties>(description: string, properties: P) =>
  Type.Object(properties, { description });

/** Bound of texts that have no other. */
export const longestText = 4096;

export const text = (description: string, options: Notes & Type.TStringOptions = {}) =>
  Type.String({ maxLength: longestText, description, ...options });

export const flag = (description: string, options: Notes & { default?: boolean } = {}) =>
  Type.Boolean({ description, ...options });

export const whole = (description: string, options: Notes & Type.TNumberOptions = {}) =>
  Type.Integer({ description, ...options });

export const decimal = (description: string, options: Notes & Type.TNumberOptions = {}) =>
  Type.Number({ description, ...options });

/** A port number (RFC 6335 section 6; 0 is reserved). */
export const port = (description: string, options: Notes & Type.TNumberOptions = {}) =>
  whole(description, { minimum: 1, maximum: 65535, ...options });

/** One of a few words. */
export const choice = <const V extends string[]>(
  description: string,
  values: readonly [...V],
  options: Notes & { default?: V[number] } = {},
) => Type.Enum(values, { type: 'string', description, ...options });

export const list = <T extends TSchema>(description: string, items: T, options: Notes & Type.TArrayOptions = {}) =>
  Type.Array(items, { maxItems: 1000, description, ...options });

/** A mapping from any text to text. */
export const dictionary = (description: string, options: Notes = {}) =>
  Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object',
    additionalProperties: { type: 'string' },
    description,
    ...options,
  });

/** The same field where Go's encoder writes `null` for "none" (built-in kinds only). */
export const nullable = <T extends TSchema>(schema: T) =>
  Type.Optional(
    Type.Unsafe<Type.Static<T> | null>({ ...schema, type: [(schema as SchemaNode).type ?? [], 'null'].flat() }),
  );

/** DNS subdomain name (RFC 1123), as Kubernetes wants of object names; it keeps `__proto__` out of every table. */
export const dnsName = { pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$', minLength: 1, maxLength: 253 };

/**
 * A Go duration: one or more numbers with units, `24h`, `1h30m`, `1.5s`; `0` needs none. Every one has bounds, for each has a
 * value that cannot work; `rules.ts` holds a value to them, and the description says them.
 *
 * @param why what goes wrong beyond them, as one clause
 */
export const duration = (least: string, most: string, why: string) =>
  ({
    pattern: '^(0|([0-9]+(\\.[0-9]+)?(h|m|s|ms|us|µs|ns))+)$',
    maxLength: 64,
    'x-fsm-expects': `a duration from ${least} to ${most}, such as 24h, 1h30m or 90s`,
    'x-fsm-duration': { least, most, why },
  }) as const;

/** Most of anything that is counted and has no bound of its own. */
export const mostOfAnything = 1_000_000;

/** Metadata of every object. The mesh reads no annotation, and labels only where `labels` says so. */
export const metadata = <P extends TProperties>(more: P) =>
  object('Standard Kubernetes metadata; only these parts are read.', {
    name: text('Name of the object.', { ...dnsName, ...reads, 'x-fsm-expects': 'a DNS name in lower case' }),
    namespace: optional(text('Namespace of the object.', { ...reads, maxLength: 253 })),
    ...more,
  });
