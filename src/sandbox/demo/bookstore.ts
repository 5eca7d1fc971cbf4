/** Sells books, and has each one replaced from the warehouse. */
import { call, serve, setting } from './app.ts';

const warehouse = setting('BOOKWAREHOUSE', 'bookwarehouse.bookwarehouse:14001');

export function run(): void {
  const identity = setting('IDENTITY', 'bookstore');
  let sold = 0;
  serve(14001, {
    'GET /books-bought': () => `${identity} has sold ${sold}`,
    'GET /buy': async () => {
      sold += 1;
      const { status } = await call('POST', warehouse, '/restock-books');
      return `${identity} sold book ${sold}${status === 200 ? '' : ' (and cannot restock)'}`;
    },
  });
}
