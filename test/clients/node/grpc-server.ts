/** grpc-js as a server, with the methods of the one in Go: `grpc-server.ts <address> <folder>` listens on 8032. */
import { setTimeout as delay } from 'node:timers/promises';
import { grpcFrom, type Metadata, type Served } from './grpc-js.ts';

const [address, folder = ''] = process.argv.slice(2);
const grpc = grpcFrom(folder);
const asItIs = (bytes: Buffer) => bytes;

function metadata(values: Readonly<Record<string, readonly (string | Buffer)[]>>): Metadata {
  const made = new grpc.Metadata();
  for (const [name, all] of Object.entries(values)) for (const value of all) made.add(name, value);
  return made;
}

/** Gives back the message, and says in metadata which metadata came. */
function unary(call: Served): void {
  const came = (name: string) => call.metadata.get(name);
  call.sendMetadata(
    metadata({ 'x-head': came('x-many'), 'x-raw-bin': came('x-raw-bin'), 'x-authority': [call.getHost()] }),
  );
  call.once('data', message => {
    call.write(message);
    call.end(metadata({ 'x-tail': ['one', 'two'] }));
  });
}

function down(call: Served): void {
  for (let sent = 0; sent < 10; sent += 1) call.write(Buffer.from(`message ${sent}`));
  call.end();
}

function up(call: Served): void {
  let total = 0;
  call.on('data', message => {
    total += message.length;
  });
  call.once('end', () => {
    call.write(Buffer.from(String(total)));
    call.end();
  });
}

function both(call: Served): void {
  call.on('data', message => call.write(message));
  call.once('end', () => call.end());
}

/** Answers with the status that the client asks for, and with no message when it asks for none. */
function fail(call: Served): void {
  const [code] = call.metadata.get('x-code');
  const details = call.metadata.get('x-text').length > 0 ? 'naïve: 100 % of it\nfailed' : '';
  call.emit('error', { code: Number(code), details });
}

const ends = new Map<string, PromiseWithResolvers<void>>();

function endOf(call: Served): PromiseWithResolvers<void> {
  const [name] = call.metadata.get('x-call');
  const end = ends.get(String(name)) ?? Promise.withResolvers<void>();
  ends.set(String(name), end);
  return end;
}

function hang(call: Served): void {
  call.sendMetadata(metadata({}));
  call.once('cancelled', () => endOf(call).resolve());
}

/** Tells whether a call of `Hang` ends. */
async function ended(call: Served): Promise<void> {
  const end = endOf(call).promise.then(() => 'it has ended');
  call.write(Buffer.from(await Promise.race([end, delay(2000, 'it did not end')])));
  call.end();
}

const handlers = { Unary: unary, Down: down, Up: up, Both: both, Fail: fail, Hang: hang, Ended: ended };
const bytes = {
  requestStream: true,
  responseStream: true,
  requestSerialize: asItIs,
  requestDeserialize: asItIs,
  responseSerialize: asItIs,
  responseDeserialize: asItIs,
};
const methods = Object.keys(handlers).map(name => [name, { path: `/test.Echo/${name}`, ...bytes }] as const);
const server = new grpc.Server();
server.addService(Object.fromEntries(methods), handlers);
server.bindAsync(`${address}:8032`, grpc.ServerCredentials.createInsecure(), error => {
  if (error !== null) throw error;
  console.log('{"ready":true}');
});
