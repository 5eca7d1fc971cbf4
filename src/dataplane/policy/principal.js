/**
 * The principal that DNS names of a verified certificate speak of: `<sa>.<ns>.sa.<td>` → `<sa>.<ns>.<td>`. Empty when
 * no name does, or when more than one does. Read from the right: a namespace has no dots, a ServiceAccount may.
 * @param {readonly string[]} dnsNames
 * @param {string} trustDomain
 * @returns {string}
 */
export function principalOf(dnsNames, trustDomain) {
  var tail = '.sa.' + trustDomain;
  var names = dnsNames.filter(name => name.endsWith(tail));
  var only = names[0];
  if (only === undefined || names.length > 1) return '';
  var account = only.substring(0, only.length - tail.length);
  var dot = account.lastIndexOf('.');
  return dot > 0 && dot < account.length - 1 ? `${account}.${trustDomain}` : '';
}
