// @ts-nocheck: `pipy` is a global of Pipy's.
/**
 * The entry of the Pipy shell: `pipy src/dataplane/pipy-sidecar.js`. Pipy takes the entry's folder as its root, so the
 * shell in pipy/ and the policy in policy/ are loaded as they lie here, without a build or a copy.
 */
pipy.import('/pipy/main.js');
