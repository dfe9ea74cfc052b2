// The books as chips or a line: what became of events, without the zeros.
import type { JSX } from "preact";
import { count } from "../../format.ts";
import { ingest as m } from "../../messages/en/ingest.ts";
import { shell } from "../../messages/en/shell.ts";
import { BOOKS } from "../../types.ts";
import type { Books, ReplayResult } from "../../types.ts";

/** A result as a sentence. */
export function told(result: ReplayResult): string {
  const parts = BOOKS.filter((book) => (result[book] ?? 0) > 0).map((book) => `${count(result[book] ?? 0)} ${m.books[book].toLowerCase()}`);
  return parts.join(", ") || shell.none;
}

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
