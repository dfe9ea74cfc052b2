// The page of an address that leads nowhere.
import type { JSX } from "preact";
import { EmptyState } from "../components/states.tsx";
import { Frame } from "../lazy.tsx";
import { shell as m } from "../messages/en/shell.ts";

export function NotFoundPage(): JSX.Element {
  return (
    <Frame title={m.pages.notFound}>
      <div class="card">
        <EmptyState title={m.notFoundWhat} actions={<a class="button" href="/console/metrics">{m.toMetrics}</a>} />
      </div>
    </Frame>
  );
}
