/** The app's way out: what it sends is routed, and dialled under mutual TLS. */
import * as policy from '../policy/policy.js';
import { speaksHTTP2 } from '../policy/protocols.js';
import { running } from './configuration.js';
import { countClosed, countOpen, finish, isAwaited, newClient, rewritten, serve } from './connection.js';
import { credentials } from './credentials.js';
import { looksLikeHTTP, newBeginning } from './detect.js';
import { http2 } from './http2-on-demand.js';
import {
  describe,
  faultOf,
  flawOf,
  hangUp,
  isPlain,
  isTooLong,
  oddSpelling,
  removeClaims,
  spacedName,
  tooLong,
  toPlainForm
} from './lib.js';
import { connectOptions } from './liveness.js';
import { newUpstream } from './places.js';
import { ignored, noPath, refuse, refuseMalformed, refuseRequest } from './refuse.js';
import {
  aHead,
  countUnusual,
  everything,
  isUnseen,
  read,
  readHead,
  readOn,
  rememberedMax,
  takeHeld,
  unusual
} from './requests.js';
import { keepShape } from './shapes.js';
import { handshake, send, tunnel, waysTo } from './upstream.js';

/** The client's connection; inside a tunnel that of the tunnel. */
var $client = null;
/** Where a CONNECT goes, and what was decided for it as a connection. */
var $destination = {};
var $decision = null;
/** The connection that carries it, and the first bytes in it. */
var $tunnel = null;
var $beginning = null;

/** Ways to sidecars, made anew when the trusted roots change; and beyond the mesh. */
var toMesh = null;
var toWorld = waysTo(connected, false, false);

/** Target → upstream. They outlive configurations, and with them the connections that they are the keys of. */
var upstreams = new Map();
var upstreamsMax = 4096;

var notReady = { status: 503, reason: 'no-configuration', detail: 'This sidecar has not got a configuration yet.' };
var badAuthority = { status: 400, reason: 'bad-host', detail: 'The target of a CONNECT is host:port.' };
var noBody = 'A CONNECT has no body.';
var older = 'A request of HTTP/1.0 stands behind one of HTTP/1.1 that waits for its answer.';

function connected($, at) {
  return $.connect(
    () => at().upstream.target,
    () => connectOptions(at())
  );
}

/** Says which roots the sidecars that are called from now on must hang from. */
export function trustRoots(roots) {
  var trustedPems = roots.map(root => root.toPEM().toString());
  toMesh = waysTo(
    ($, at) =>
      $.connectTLS({
        certificate: () => credentials.pair,
        trusted: roots,
        onVerify: (ok, certificate) => ok && isExpected(at(), certificate, trustedPems),
        onState: session => handshake(at(), session),
        minVersion: 'TLS1.3'
      }).to($ => connected($, at)),
    false,
    true
  );
}

/** Whether a certificate of the peer's chain is a trusted root, or the peer's own and of the endpoint's principal. */
function isExpected(place, certificate, trustedPems) {
  var upstream = place.upstream;
  upstream.peer = '';
  var principal = policy.principalOf(certificate.subjectAltNames, running.tables.settings.trustDomain);
  if (principal === upstream.principal) return true;
  if (principal === '' && trustedPems.includes(certificate.toPEM().toString())) return true;
  hangUp(place);
  upstream.peer = `${upstream.target} is ${principal || 'nobody of this mesh'}, not ${upstream.principal}`;
  return false;
}

/** The upstream of a decision, remembered with it: decisions are made when a configuration is, not for each request. */
function upstreamFor(decision) {
  decision.upstream = upstreamOf(decision.target, decision.endpoint.principal);
  return decision.upstream;
}

function upstreamOf(target, principal) {
  var known = upstreams.get(target);
  if (known !== undefined && known.principal === principal) return known;
  if (upstreams.size >= upstreamsMax) upstreams.clear();
  var fresh = newUpstream(target, principal);
  upstreams.set(target, fresh);
  return fresh;
}

/** A head that is the one before it on its connection, byte for byte, or has the same fields, is routed at once. */
function route(start) {
  var client = $client;
  var head = start.head;
  if (client.tables !== running.tables || client.ending || !(client.isKnown || isAlike(client, head)))
    return routeNew(client, head);
  var decision = client.known.fixed || decide(client, head);
  if (decision.upstream === undefined || decision.protocol !== 'http') return forward(client, head, true, decision);
  return send(client, decision.upstream, toMesh, head, true);
}

/** Whether a head is plain, and differs from one before it in nothing but a target that is sound. */
function isAlike(client, head) {
  if (!client.isShaped || client.text === null || client.isOld || client.host !== head.headers.host) return false;
  if (policy.targetFault('GET', head.path) !== null) return false;
  client.isUnread = false;
  return true;
}

/** A head that is not, byte for byte, the one before it on its connection. */
function routeNew(client, head) {
  client.isUnread = false;
  if (client.ending) return ignored;
  if (client.isShaped && !client.isOld) return routeShaped(client, head);
  if (!head) return refuse(noPath, { direction: 'outbound' });
  if (head.method === 'CONNECT') return connect(client, head);
  if (!head.path) return refuseRequest(client, noPath, fieldsOf(head));
  if (!head.protocol && isTooLong(client, head.headers)) return refuseRequest(client, tooLong, fieldsOf(head));
  if (head.path.charAt(0) !== '/') {
    client.text = null;
    toPlainForm(head);
  }
  if (head.protocol === 'HTTP/1.0') {
    if (!client.isOld && isAwaited(client, null)) return refuseMalformed(client, older, fieldsOf(head));
    ofOldClient(client, head);
  } else if (client.isOld && !isAwaited(client, null)) client.isOld = false;
  var unsound = policy.targetFault(head.method, head.path);
  if (unsound !== null) return refuseRequest(client, unsound, fieldsOf(head));
  var plain = isPlain(head.headers);
  var fault = plain ? null : isUnseen(client, head.headers) ? oddSpelling : faultOf(head);
  if (fault !== null) return refuseMalformed(client, fault, fieldsOf(head));
  if (!plain) client.text = null;
  if (client.shape !== '' && head.headers.host && head.protocol && !client.isOld) keepShape(client);
  return routeTo(client, head, plain, head.headers.host || head.authority || named(head));
}

/** A head whose fields are known to be sound. */
function routeShaped(client, head) {
  var unsound = policy.targetFault(head.method, head.path);
  if (unsound !== null) return refuseRequest(client, unsound, fieldsOf(head));
  return routeTo(client, head, client.text !== null || isPlain(head.headers), head.headers.host);
}

function routeTo(client, head, plain, host) {
  if (client.tables !== running.tables || client.host !== host) {
    if (running.tables === null) return refuseRequest(client, notReady, fieldsOf(head));
    client.tables = running.tables;
    client.host = host;
    client.known = policy.resolveHost(running.tables, host, $destination);
  }
  return forward(client, head, plain, client.known.fixed || decide(client, head));
}

function ofOldClient(client, head) {
  client.isOld = true;
  client.text = null;
  countUnusual(client);
  head.protocol = 'HTTP/1.1';
}

/** HTTP/1.0 needs no Host: then there is only what the tunnel was dialled for, and the app is told that. */
function named(head) {
  if ($destination.address === undefined) return '';
  head.headers.host = `${$destination.address}:${$destination.port}`;
  return head.headers.host;
}

/** A port with one route does not ask what the request is like. */
function decide(client, head) {
  var { known } = client;
  return policy.routeResolved(client.tables, known, known.port.every === null ? describe(head) : nothing);
}

var nothing = { method: '', path: '', host: '', headers: {} };

function forward(client, head, plain, decision) {
  if (decision.endpoint === undefined) return sendOut(client, head, plain, decision);
  var upstream = decision.upstream || upstreamFor(decision);
  if (!head.protocol || speaksHTTP2(decision.protocol)) return http2().call(client, upstream, toMesh.session, head);
  return send(client, upstream, toMesh, head, plain);
}

/** Beyond the mesh nobody looks at a request again; in it the server's sidecar does. */
function sendOut(client, head, plain, decision) {
  client.text = null;
  if (decision.target === undefined) return refuseRequest(client, decision, fieldsOf(head));
  var flaw = flawOf(head);
  if (flaw === 'spaced') return refuseMalformed(client, spacedName, fieldsOf(head));
  if (flaw === 'claims') removeClaims(head.headers);
  var upstream = upstreamOf(decision.target, '');
  if (!head.protocol) return http2().call(client, upstream, toWorld.session, head);
  return send(client, upstream, toWorld, head, plain);
}

function fieldsOf(head) {
  var request = head.path ? describe(head) : { host: head.authority, path: '' };
  return { direction: 'outbound', method: head.method, host: request.host, path: request.path };
}

/** CONNECT (RFC 9110, 9.3.6): inside, what the destination's port speaks is found out as on an intercepted connection. */
function connect(client, head) {
  if (!head.path || !head.protocol)
    return refuseRequest(client, badAuthority, { direction: 'outbound', host: head.authority });
  if (hasBody(head.headers)) return refuseMalformed(client, noBody, { direction: 'outbound', host: head.path });
  var colon = head.path.lastIndexOf(':');
  var port = colon < 1 ? 0 : Number.parseInt(head.path.substring(colon + 1), 10) || 0;
  if (port === 0) return refuseRequest(client, badAuthority, { direction: 'outbound', host: head.path });
  var host = head.path.substring(0, colon);
  $destination = { address: host, port: port };
  $decision = running.tables === null ? notReady : policy.routeConnection(running.tables, host, port);
  if ($decision.target === undefined)
    return refuseRequest(client, $decision, { direction: 'outbound', host: head.path });
  // Its bytes have no form of HTTP.
  if (!isAwaited(client, null)) client.isOld = false;
  client.tunnel = true;
  $tunnel = client;
  return accepted;
}

/** A CONNECT has none (RFC 9110, 9.3.6), and Pipy would collect it whole, uncounted. */
function hasBody(headers) {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] || '0') !== '0';
}

function join() {
  if ($decision.endpoint === undefined) return tunnel(upstreamOf($decision.target, ''), toWorld);
  return tunnel($decision.upstream || upstreamFor($decision), toMesh);
}

/** Stands in inbound.js as well: shared, it is one call more for each read, 1.3 % of the instructions of a request. */
function incoming(data) {
  var client = $client;
  if (client.reading === everything) return readOn(client, data);
  if (client.reading !== aHead || client.partial !== null || data.size > rememberedMax) return read(client, data);
  var text = data.toString();
  if (text !== client.text) return readHead(client, data, text);
  client.isKnown = true;
  return data;
}

function outgoing(data) {
  return unusual.clients > 0 ? rewritten($client, data) : data;
}

function serveApp($) {
  return serve($, () => $client, incoming, outgoing, route);
}

function begin() {
  $client = newClient();
}

var http = pipeline($ => serveApp($.onStart(begin).onEnd(() => finish($client))));
var tcp = pipeline($ => $.pipe(join));
var detect = pipeline($ =>
  $.onStart(() => {
    $beginning = newBeginning();
  }).pipe(event => layoutOf(looksLikeHTTP($beginning, event)))
);

function layoutOf(isHTTP) {
  return isHTTP === undefined ? undefined : isHTTP ? http : tcp;
}
var accepted = pipeline($ =>
  $.acceptHTTPTunnel(() => new Message({ status: 200 }))
    .to($ => $.onStart(() => takeHeld($tunnel)).pipe(() => (policy.speaksHTTP($decision.protocol) ? detect : tcp)))
    .handleStreamEnd(() => {
      $tunnel.tunnelEnded = true;
    })
);

/** What serves the outbound port. */
export function outbound($) {
  return serveApp(
    $.onStart(() => {
      countOpen();
      begin();
    }).onEnd(() => {
      countClosed();
      finish($client);
    })
  );
}
