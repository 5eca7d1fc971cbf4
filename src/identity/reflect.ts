/**
 * `@peculiar/x509` finds its algorithms through tsyringe, which refuses to load unless `Reflect.getMetadata` exists.
 * None of those classes has constructor metadata, so "none" is the true answer to all that it asks.
 * A real polyfill that is already there is left alone.
 */
type Lookup = (key: unknown, target: object) => unknown;

const reflect = Reflect as { getMetadata?: Lookup; getOwnMetadata?: Lookup };

reflect.getMetadata ??= () => undefined;
reflect.getOwnMetadata ??= () => undefined;
