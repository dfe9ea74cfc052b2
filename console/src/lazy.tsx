// What is loaded when it is asked for, with the frame that a page stands in. What cannot be loaded
// says so and offers to load the window again.
import type { ComponentChildren, ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Banner, Skeleton } from "./components/states.tsx";
import { shell as m } from "./messages/en/shell.ts";
import type { Place } from "./router.ts";

export interface PageProps {
  place: Place;
}

/** In place of a part, or of a dialog: it stays in sight, wherever it was asked for. */
function PartFailed(): JSX.Element {
  return (
    <div class="failed">
      <Banner
        tone="bad"
        action={
          <button type="button" class="button slim" onClick={() => location.reload()}>
            {m.reload}
          </button>
        }
      >
        <b>{m.chunkFailed}</b> {m.chunkFailedWhat}
      </Banner>
    </div>
  );
}

/** In place of a page. */
const PageFailed = (): JSX.Element => (
  <Frame title={m.chunkFailed}>
    <PartFailed />
  </Frame>
);

/**
 * Something that is loaded when it is first rendered, or wanted later; null until then. When that
 * fails, each of its components is one that says so: a module that is used here has components and
 * nothing else.
 */
export function useModule<T extends object>(load: () => Promise<T>, Failed = PartFailed, wanted = true): T | null {
  const [module, setModule] = useState<T | null>(null);
  useEffect(() => {
    if (!wanted) return undefined;
    let here = true;
    load().then(
      (loaded) => here && setModule(loaded),
      () => here && setModule(new Proxy({} as T, { get: () => Failed })),
    );
    return () => {
      here = false;
    };
  }, [wanted]);
  return module;
}

export function LazyPage<P extends object>(props: P & { load: () => Promise<{ default: ComponentType<P> }> }): JSX.Element {
  const module = useModule(props.load, PageFailed);
  return module ? <module.default {...props} /> : <Frame title=""><Skeleton height={320} shown={false} /></Frame>;
}

/** The frame of a page: its heading, what can be done, its content. Sets the window's title. */
export function Frame(props: { title: string; heading?: ComponentChildren; lead?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren }): JSX.Element {
  useEffect(() => {
    if (props.title) document.title = m.title(props.title);
  }, [props.title]);
  return (
    <main class="page" id="main" tabIndex={-1}>
      <div class="page-head">
        <h1>{props.heading ?? props.title}</h1>
        <span class="grow" />
        {props.actions}
        {props.lead && (
          <p class="lead">
            <span>{props.lead}</span>
          </p>
        )}
      </div>
      {props.children}
    </main>
  );
}
