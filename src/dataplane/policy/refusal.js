/** @import { Refusal } from './types.ts' */

/** Status of every reason for which a request is refused: the stable words of logs and tests. */
export var reasons = {
  'bad-host': 400,
  'bad-target': 400,
  'dot-segments': 400,
  'no-identity': 403,
  'no-rule-for-principal': 403,
  'no-route-match': 403,
  'unknown-service': 404,
  'unknown-port': 404,
  'ambiguous-port': 404,
  'no-route': 404,
  'not-served': 404,
  'path-too-long': 414,
  'header-too-long': 431,
  'no-endpoints': 503,
};

/**
 * A refusal with the status that belongs to its reason.
 * @param {keyof typeof reasons} reason
 * @param {string} detail one sentence for people
 * @returns {Refusal}
 */
export function refuse(reason, detail) {
  return { action: 'refuse', status: reasons[reason], reason: reason, detail: detail };
}
