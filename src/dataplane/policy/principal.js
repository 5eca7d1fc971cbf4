/**
 * The principal that DNS names of a verified certificate speak of, written in one of the forms of
 * `engine/principals.ts`: `<sa>.<ns>.sa.<td>`, `<sa in pieces>.<ns>.sa-long.<td>` or `<hash>.<ns>.sa-hash.<td>`. Empty
 * when no name does, or when more than one does. Read from the right: a namespace has no dots, a ServiceAccount may.
 * @param {readonly string[]} dnsNames
 * @param {string} trustDomain
 * @returns {string}
 */
export function principalOf(dnsNames, trustDomain) {
  var tails = ['.sa.' + trustDomain, '.sa-long.' + trustDomain, '.sa-hash.' + trustDomain];
  var names = dnsNames.filter(name => tails.some(tail => name.endsWith(tail)));
  var only = names[0];
  if (only === undefined || names.length > 1) return '';
  var form = tails.findIndex(tail => /** @type {string} */ (only).endsWith(tail));
  var head = only.substring(0, only.length - /** @type {string} */ (tails[form]).length);
  var dot = head.lastIndexOf('.');
  if (dot < 1 || dot >= head.length - 1) return '';
  var account = accountOf(form, head.substring(0, dot));
  return account === '' ? '' : `${account}.${head.substring(dot + 1)}.${trustDomain}`;
}

/**
 * The namespace of a principal: what stands last before the trust domain.
 * @param {string} principal
 * @param {string} trustDomain
 */
export function namespaceOf(principal, trustDomain) {
  var account = principal.substring(0, principal.length - trustDomain.length - 1);
  return account.substring(account.lastIndexOf('.') + 1);
}

/** @param {number} form @param {string} written */
function accountOf(form, written) {
  if (form === 1) return unfolded(written.split('.'));
  return form === 2 ? '~' + written : written;
}

/**
 * Puts the pieces together again: `c…x` goes on in the next one, `e…x` ends a label. Empty when they are no such pieces.
 * @param {string[]} pieces
 */
function unfolded(pieces) {
  var isPiece = (/** @type {string} */ piece) => piece.length > 2 && piece.endsWith('x');
  if (!pieces.every(isPiece) || !(/** @type {string} */ (pieces[pieces.length - 1]).startsWith('e'))) return '';
  if (!pieces.every(piece => piece.startsWith('c') || piece.startsWith('e'))) return '';
  var labels = pieces.map(piece => piece.substring(1, piece.length - 1) + (piece.startsWith('e') ? '.' : ''));
  var name = labels.join('');
  return name.substring(0, name.length - 1);
}
