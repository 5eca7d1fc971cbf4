/** Sends books to the stores. */
import { serve } from './app.ts';

export function run(): void {
  let sent = 0;
  serve(14001, {
    'POST /restock-books': () => {
      sent += 1;
      return `bookwarehouse sent book ${sent}`;
    },
  });
}
