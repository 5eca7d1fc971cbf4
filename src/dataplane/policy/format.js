/** The format of configuration trees that this policy reads: `configFormat` of `engine/config.ts`, which a test compares. */
export var configFormat = 2;
