/**
 * Runs the vectors of testdata/vectors.json and prints each decision on a line, in the subset that PipyJS and Node
 * share: both must print the same bytes.
 * @import { Admission, Because, Host, InboundDecision, OutboundDecision, RouteExplanation, Tables } from '../../src/dataplane/policy/types.ts'
 * @import { Spec } from './tree.js'
 */
import * as because from '../../src/dataplane/policy/because.js';
import * as policy from '../../src/dataplane/policy/policy.js';
import { treeOf } from './tree.js';

/**
 * @typedef {object} Question
 * @property {string} config name of a configuration; asking another than before swaps to it
 * @property {'request' | 'connection' | 'admit' | 'admitConnection' | 'principal' | 'ways' | 'rules' | 'connectionRules'} ask
 * @property {string} [host]
 * @property {string} [address]
 * @property {number} [port]
 * @property {string} [method]
 * @property {string} [path]
 * @property {number} [pathLength] makes a path of this many characters
 * @property {number} [headerLength] makes a header `x-long` of this many characters
 * @property {Record<string, string>} [headers]
 * @property {string} [principal]
 * @property {string[]} [names]
 * @property {number} [times] ask so often
 */

/**
 * @typedef {object} Vectors
 * @property {Record<string, Spec>} configs
 * @property {Question[]} questions
 */

/**
 * A linear congruential generator (Numerical Recipes) and a small hash: the same numbers on every engine.
 * @param {number} seed
 */
export function seededHost(seed) {
  var state = seed;
  return {
    random: () => {
      state = (state * 1664525 + 1013904223) % 4294967296;
      return state / 4294967296;
    },
    now: () => 0,
    hash: (/** @type {string} */ text) => text.length,
  };
}

/** @param {Vectors} vectors @returns {string[]} */
export function runVectors(vectors) {
  var host = seededHost(7);
  /** @type {Tables | null} */
  var tables = null;
  var config = '';
  /** @type {string[]} */
  var lines = [];
  vectors.questions.forEach((question, at) => {
    if (tables === null || question.config !== config) tables = swapTo(vectors.configs[question.config], host, tables);
    config = question.config;
    answers(tables, question).forEach(text => {
      lines.push(`${at} ${config} ${text}`);
    });
  });
  return lines;
}

/** @param {Spec | undefined} spec @param {Host} host @param {Tables | null} previous */
function swapTo(spec, host, previous) {
  var tree = treeOf(/** @type {Spec} */ (spec), node => JSON.stringify(node));
  return policy.compile(tree.nodes, tree.root, host, previous);
}

/** @param {Tables} tables @param {Question} question @returns {string[]} */
function answers(tables, question) {
  /** @type {string[]} */
  var texts = [];
  var i = 0;
  for (i = 0; i < (question.times || 1); i++) texts.push(answer(tables, question));
  return texts;
}

/** @param {Tables} tables @param {Question} question @returns {string} */
function answer(tables, question) {
  var port = question.port === undefined ? 0 : question.port;
  var principal = question.principal || '';
  switch (question.ask) {
    case 'request':
      return showOutbound(policy.routeRequest(tables, requestOf(question), destinationOf(question)));
    case 'connection':
      return showOutbound(policy.routeConnection(tables, question.host || '', port));
    case 'admit':
      return showInbound(policy.admitRequest(tables, port, principal, requestOf(question)));
    case 'admitConnection':
      return showInbound(policy.admitConnection(tables, port, principal));
    case 'ways':
      return showWays(because.explainRoute(tables, requestOf(question), destinationOf(question)));
    case 'rules':
      return showAdmission(because.explainAdmission(tables, port, principal, requestOf(question)));
    case 'connectionRules':
      return showAdmission(because.explainAdmission(tables, port, principal, null));
    default:
      return `principal '${policy.principalOf(question.names || [], tables.settings.trustDomain)}'`;
  }
}

/** @param {Question} question */
function requestOf(question) {
  var path = question.path || '/';
  if (question.pathLength !== undefined) path = path + 'a'.repeat(question.pathLength - path.length);
  var headers = question.headers || {};
  if (question.headerLength !== undefined) headers = { 'x-long': 'a'.repeat(question.headerLength) };
  return { method: question.method || 'GET', path: path, host: question.host || '', headers: headers };
}

/** @param {Question} question */
function destinationOf(question) {
  if (question.port === undefined) return {};
  if (question.address === undefined) return { port: question.port };
  return { address: question.address, port: question.port };
}

/** @param {OutboundDecision} decision */
function showOutbound(decision) {
  if (decision.action === 'refuse') return `refuse ${decision.status} ${decision.reason}: ${decision.detail}`;
  if (decision.action === 'passthrough') return `passthrough ${decision.target}`;
  var via = `${decision.service} -> ${decision.backend} (${decision.protocol})`;
  return `forward ${decision.target} ${decision.endpoint.principal} ${via}`;
}

/** @param {InboundDecision} decision */
function showInbound(decision) {
  if (decision.action === 'refuse') return `refuse ${decision.status} ${decision.reason}: ${decision.detail}`;
  return `admit ${decision.port} (${decision.protocol})`;
}

/** @param {RouteExplanation} ways */
function showWays(ways) {
  var port = ways.port === null ? 'no port' : `${ways.port.service}:${ways.port.port} (${ways.port.protocol})`;
  var choices = ways.choices.map(choice => {
    var decisions = choice.decisions.map(decision => showOutbound(decision)).join(', ');
    return `${Math.round(choice.share * 100)} % ${choice.backend} [${decisions}]`;
  });
  var decision = ways.decision === null ? choices.join('; ') : showOutbound(ways.decision);
  return `${port}: ${decision} because ${showBecause(ways.because)}`;
}

/** @param {Admission} admission */
function showAdmission(admission) {
  return `${showInbound(admission.decision)} because ${showBecause(admission.because)}`;
}

/** @param {readonly Because[]} because */
function showBecause(because) {
  return because.map(part => `${part.node} ${part.key} ${part.hash.length > 0} ${part.pointers.join(' ')}`).join('; ');
}
