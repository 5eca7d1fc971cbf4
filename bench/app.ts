/** The app behind every measurement when there is no Pipy to be it: answers each request with a few bytes. */
import { createServer } from 'node:http';

const [host = '127.0.0.1', port = '14001'] = (process.env.BENCH_LISTEN ?? '').split(':');

createServer((_, response) => response.end(process.env.BENCH_BODY ?? 'hello')).listen(Number(port), host);
