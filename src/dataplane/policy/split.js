/**
 * @import { Backend } from '../../engine/config.ts'
 * @import { Choice, Cursor, Split } from './compiled.ts'
 * @import { Host, OutboundDecision, Refusal } from './types.ts'
 */
import { nextEndpoint } from './endpoints.js';
import { refuse } from './refusal.js';

/**
 * Compiles weighted backends. A backend of weight 0 gets nothing; one without endpoints that may be called keeps its
 * share, which is refused: traffic that was meant for it must not fall on the others.
 * @param {string} service
 * @param {number} at position of the route
 * @param {readonly Backend[]} backends
 * @param {(backend: string) => { decisions: readonly OutboundDecision[], count: number }} backendOf
 * @param {(backend: string) => Cursor} cursorOf
 * @returns {Split}
 */
export function compileSplit(service, at, backends, backendOf, cursorOf) {
  var total = 0;
  var choices = backends
    .filter(backend => backend.weight > 0)
    .map(backend => {
      total += backend.weight;
      var found = backendOf(backend.ref);
      var decisions = found.decisions;
      var empty = refuse('no-endpoints', `Backend ${backend.ref} of service ${service} ${lack(found.count)}.`);
      return {
        backend: backend.ref,
        upTo: total,
        decisions: decisions.length === 0 ? [empty] : decisions,
        cursor: cursorOf(backend.ref),
      };
    });
  var nothing = refuse('no-endpoints', `Service ${service} has no backend with a weight above 0.`);
  return { at: at, choices: choices, total: total, refusal: nothing };
}

/**
 * What stands for a split where no route takes a request.
 * @param {Refusal} refusal
 * @returns {Split}
 */
export function noSplit(refusal) {
  return { at: -1, choices: [], total: 0, refusal: refusal };
}

/** What a backend lacks of which nobody may be called. @param {number} count of its endpoints */
function lack(count) {
  if (count === 0) return 'has no endpoints';
  return `has no endpoint that this workload may call: no TrafficTarget lets it call any of the ${count} there`;
}

/**
 * Chooses a backend by weight, then its next endpoint.
 * @param {Split} split
 * @param {Host} host
 * @returns {OutboundDecision}
 */
export function choose(split, host) {
  var choice = split.choices.length > 1 ? chooseBackend(split, host) : split.choices[0];
  if (choice === undefined) return split.refusal;
  var count = choice.decisions.length;
  var at = count === 1 ? 0 : nextEndpoint(choice.cursor, count);
  return /** @type {OutboundDecision} */ (choice.decisions[at]);
}

/** @param {Split} split @param {Host} host @returns {Choice | undefined} */
function chooseBackend(split, host) {
  var choices = split.choices;
  var point = host.random() * split.total;
  for (var i = 0; i < choices.length; i++) {
    var choice = /** @type {Choice} */ (choices[i]);
    if (point < choice.upTo) return choice;
  }
  return choices[choices.length - 1];
}
