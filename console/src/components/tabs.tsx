// Tabs within a page: arrow keys move, the panel belongs to its tab. Tabs that are pages of their
// own are links instead: `link_tabs.tsx`.
import type { ComponentChildren, JSX } from "preact";
import { useId } from "preact/hooks";

export interface Tab {
  key: string;
  title: string;
}

export function Tabs(props: { label: string; tabs: Tab[]; value: string; onValue: (key: string) => void; children: ComponentChildren; aside?: ComponentChildren }): JSX.Element {
  const id = useId();
  const move = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = props.tabs.findIndex((tab) => tab.key === props.value);
    const next = props.tabs[(at + step + props.tabs.length) % props.tabs.length]!;
    props.onValue(next.key);
    document.getElementById(`${id}t${next.key}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={props.label} onKeyDown={move}>
        {props.tabs.map((tab) => (
          <button key={tab.key} type="button" class="tab" role="tab" id={`${id}t${tab.key}`} aria-selected={tab.key === props.value} aria-controls={`${id}p`} tabIndex={tab.key === props.value ? 0 : -1} onClick={() => props.onValue(tab.key)}>
            {tab.title}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}p`} aria-labelledby={`${id}t${props.value}`}>
        {props.children}
      </div>
    </>
  );
}
