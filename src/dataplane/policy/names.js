/**
 * `svc`, `svc.ns`, `svc.ns.svc` and on through the labels of the trust domain → `ns/svc`; null for other names.
 * @param {string} name lower case, no trailing dot
 * @param {string} ownNamespace where a bare name is looked for
 * @param {readonly string[]} trustLabels
 * @returns {string | null}
 */
export function serviceKey(name, ownNamespace, trustLabels) {
  var labels = name.split('.');
  if (labels.length > 3 + trustLabels.length) return null;
  if (labels.length > 2 && labels[2] !== 'svc') return null;
  for (var i = 3; i < labels.length; i++) if (labels[i] !== trustLabels[i - 3]) return null;
  return `${labels.length === 1 ? ownNamespace : labels[1]}/${labels[0]}`;
}
