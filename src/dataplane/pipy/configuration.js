import * as policy from '../policy/policy.js';
import { readState, writeState } from './environment.js';
import { log, setLogLevel } from './log.js';

/**
 * What this proxy runs. `tables` is replaced as a whole, so a request sees one configuration from its beginning to
 * its end; connections and pools are keyed by names and outlive it.
 */
export var running = { tables: null, root: null, mark: null };

/** What a policy may not make itself. */
var host = { random: () => Math.random(), now: () => Date.now(), hash: text => algo.hash(text) };

/** Hash → node: what the control plane sent, and what the running configuration needs. */
var nodes = new Map();
/** Seconds before a new configuration is stored: a burst of changes is written once. */
var storeDelay = 1;
var storing = false;

/** Takes a node of a configuration that is to come. */
export function stage(hash, node) {
  nodes.set(hash, node);
}

/**
 * Makes tables of a tree and, when `accept(tables)` does not throw, runs them.
 * Returns `{ missing: hashes }` when nodes are missing, `{ error: text }` when the tree cannot be used, else `{}`.
 */
export function adopt(root, mark, accept) {
  var fault = null;
  var tables = null;
  try {
    tables = policy.compile(nodes, root, host, running.tables);
    accept(tables);
  } catch (e) {
    fault = `${e.message}`;
  }
  if (fault !== null) {
    var missing = policy.missing(nodes, root);
    return missing.length > 0 ? { missing: missing } : { error: fault };
  }
  running.tables = tables;
  running.root = root;
  running.mark = mark;
  setLogLevel(tables.settings.logLevel);
  storeLater();
  return {};
}

/** Runs the last good configuration of the state directory, if there is one. */
export function restore(accept) {
  var text = readState('config.json');
  if (text === '') return;
  try {
    var stored = JSON.parse(text);
    Object.keys(stored.nodes).forEach(hash => {
      stage(hash, stored.nodes[hash]);
    });
    var result = adopt(stored.root, stored.mark, accept);
    if (running.root === null) log('error', 'stored configuration not usable', { detail: JSON.stringify(result) });
  } catch (e) {
    log('error', 'stored configuration cannot be read', { detail: e.message });
  }
}

function storeLater() {
  if (storing) return;
  storing = true;
  new Timeout(storeDelay).wait().then(storeNow);
}

/** Stores the running configuration, if it is not stored already. */
export function storeNow() {
  if (!storing) return;
  storing = false;
  store();
}

function store() {
  var kept = {};
  var keptNodes = new Map();
  policy.reachable(nodes, running.root).forEach(hash => {
    kept[hash] = nodes.get(hash);
    keptNodes.set(hash, nodes.get(hash));
  });
  writeState('config.json', JSON.stringify({ root: running.root, mark: running.mark, nodes: kept }));
  forget(keptNodes);
  log('debug', 'configuration stored', { root: running.root });
}

/** Drops nodes that the running tree does not need, once they are as many as those it does. */
function forget(kept) {
  if (nodes.size > 2 * kept.size + 64) nodes = kept;
}
