// The icons, drawn here: 16 units, one stroke. They never carry meaning alone.
import type { JSX } from "preact";

const icon = (path: string) => (props: { class?: string }): JSX.Element => (
  <svg class={props.class ?? "glyph"} width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
    <path d={path} />
  </svg>
);

export const SunMoonIcon = icon("M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2v11.6M8 2.2a5.8 5.8 0 0 1 0 11.6M9.5 4.2v7.6M11.2 5.4v5.2");
export const SunIcon = icon("M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9");
export const MoonIcon = icon("M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z");
export const CloseIcon = icon("M4 4l8 8M12 4l-8 8");
export const DownIcon = icon("M4 6.5l4 4 4-4");
export const UpDownIcon = icon("M5 10.5l3 3 3-3M5 5.5l3-3 3 3");
export const CopyIcon = icon("M5.5 5.5h7v8h-7zM3.5 10.5v-8h7");
export const CheckIcon = icon("M3.5 8.5l3 3 6-7");
export const AlertIcon = icon("M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.1");
export const LockIcon = icon("M4 7.5h8v6H4zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5");
export const EmptyIcon = icon("M2.5 9.5l2-6h7l2 6v4h-11zM2.5 9.5h3l1 2h3l1-2h3");
export const PlugIcon = icon("M6 2.5v3M10 2.5v3M4.5 5.5h7v2a3.5 3.5 0 0 1-7 0zM8 11v3");
export const PauseIcon = icon("M5.5 3.5v9M10.5 3.5v9");
export const PlayIcon = icon("M5 3.5l7 4.5-7 4.5z");

export const Mark = (): JSX.Element => (
  <svg viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="6" fill="#1f4fd8" />
    <path d="M6 17v-5M10 17V8.5M14 17v-6.5M18 17V6.5" stroke="#fff" stroke-width="2.2" stroke-linecap="round" />
  </svg>
);
