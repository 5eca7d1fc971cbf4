// The app behind every target, on Pipy since it takes the least of the cores: HTTP of both versions (/bytes/<n>), gRPC,
// TCP, WebSocket and MQTT echoes. The same answers as bench/targets/app.ts.
var env = os.env;
var ports = JSON.parse(env.APP_PORTS);
var options = { idleTimeout: 0 };
var answers = {};
var notFound = new Message({ status: 404 });

function listen(protocol, layout) {
  env.APP_ADDRESSES.split(',').forEach(address => {
    pipy.listen(`${address}:${ports[protocol]}`, options, layout);
  });
}

// The answer to a path, made once.
function answer(path) {
  var known = answers[path] || make(path);
  answers[path] = known;
  return known;
}

function make(path) {
  var length = path.startsWith('/bytes/') ? Number.parseInt(path.substring(7), 10) : -1;
  return length >= 0 ? new Message({ status: 200 }, bodyOf(length)) : notFound;
}

// Pipy repeats a text up to 64 KiB and no further.
function bodyOf(length) {
  var body = new Data();
  for (var left = length; left > 0; left -= 65536) body.push('x'.repeat(Math.min(left, 65536)));
  return body;
}

function echo(request) {
  var head = { status: 200, headers: { 'content-type': 'application/grpc' } };
  return new Message(head, request.body, { headers: { 'grpc-status': '0' } });
}

function accept(request) {
  var hash = new crypto.Hash('sha1');
  hash.update(`${request.head.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  var headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-accept': hash.digest('base64') };
  return new Message({ status: 101, headers: headers });
}

// A broker with one client for each topic: what is published comes back.
var mqtt = {
  CONNECT: () => new Message({ type: 'CONNACK', protocolLevel: 5 }),
  SUBSCRIBE: packet => [new MessageStart(subscribed(packet.head.packetIdentifier)), new MessageEnd(null, [0])],
  PUBLISH: packet => packet,
  PINGREQ: () => new Message({ type: 'PINGRESP', protocolLevel: 5 }),
};

function subscribed(packetIdentifier) {
  return { type: 'SUBACK', protocolLevel: 5, packetIdentifier: packetIdentifier };
}

function broker(packet) {
  var answer = mqtt[packet.head.type];
  return answer ? answer(packet) : new StreamEnd();
}

function serve($) {
  return $.serveHTTP(request => answer(request.head.path));
}

listen('http1', serve);
listen('http2', serve);
listen('grpc', $ => $.serveHTTP(echo));
listen('tcp', $ => $);
listen('websocket', $ =>
  $.demuxHTTP().to($ =>
    $.acceptHTTPTunnel(accept).to($ =>
      $.decodeWebSocket()
        .replaceMessage(message => new Message({ opcode: message.head.opcode }, message.body))
        .encodeWebSocket(),
    ),
  ),
);
listen('mqtt', $ => $.decodeMQTT().replaceMessage(broker).encodeMQTT());
