/** May look, and wants to have the books as well. */
import { call, repeat, setting } from './app.ts';

const store = setting('BOOKSTORE', 'bookstore.bookstore:14001');

/** Looks how many were sold, which it may, and tries to take one. */
export const run = () =>
  repeat(1, async () => {
    await call('GET', store, '/books-bought');
    await call('GET', store, '/buy');
  });
