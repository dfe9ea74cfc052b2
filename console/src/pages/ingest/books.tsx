// The books as figures: what became of events.
import type { JSX } from "preact";
import { count } from "../../format.ts";
import { ingest as m } from "../../messages/en/ingest.ts";
import { BOOKS } from "../../types.ts";
import type { Books } from "../../types.ts";

export function BookTiles(props: { books: Books }): JSX.Element {
  return (
    <dl class="figures books">
      {BOOKS.map((book) => (
        <div key={book}>
          <dt title={m.bookWhat[book]}>{m.books[book]}</dt>
          <dd class={book === "quarantined" && props.books[book] > 0 ? "low" : ""}>{count(props.books[book])}</dd>
        </div>
      ))}
    </dl>
  );
}
