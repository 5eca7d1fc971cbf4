/** Buys books, honestly. */
import { call, repeat, setting } from './app.ts';

const store = setting('BOOKSTORE', 'bookstore.bookstore:14001');

/** Looks how many were sold, then buys one. */
export const run = () =>
  repeat(2, async () => {
    await call('GET', store, '/books-bought');
    await call('GET', store, '/buy');
  });
