/**
 * @import { Hash } from '../../engine/canonical.ts'
 * @import { AnyNode } from '../../engine/config.ts'
 */

/**
 * Hashes that the tree under `root` names and `nodes` does not hold.
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash} root
 * @returns {Hash[]}
 */
export function missing(nodes, root) {
  return walk(nodes, root).filter(hash => !nodes.has(hash));
}

/**
 * Hashes of the nodes in the tree under `root`, each once; those that `nodes` does not hold are left out.
 * @param {Map<Hash, AnyNode>} nodes
 * @param {Hash} root
 * @returns {Hash[]}
 */
export function reachable(nodes, root) {
  return walk(nodes, root).filter(hash => nodes.has(hash));
}

/** @param {Map<Hash, AnyNode>} nodes @param {Hash} root @returns {Hash[]} */
function walk(nodes, root) {
  var found = [root];
  var seen = new Set(found);
  for (var i = 0; i < found.length; i++) {
    var node = nodes.get(/** @type {Hash} */ (found[i]));
    if (node !== undefined) addNew(Object.values(node.refs), seen, found);
  }
  return found;
}

/** @param {Hash[]} hashes @param {Set<Hash>} seen @param {Hash[]} found */
function addNew(hashes, seen, found) {
  hashes.forEach(hash => {
    if (seen.has(hash)) return;
    seen.add(hash);
    found.push(hash);
  });
}
