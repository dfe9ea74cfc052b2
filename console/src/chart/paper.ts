// The chart on paper: a canvas keeps the width and the colours that it was drawn with, so it is drawn
// for paper before the browser prints and as it was afterwards. It prints nothing itself.
import { options } from "preact";
import { useEffect, useState } from "preact/hooks";
import type uPlot from "uplot";
import { drawWith } from "./plot.ts";

/** A4 between the margins of print.css has 688 px, of which the card and the chart need some. */
export const PAPER_PX = 660;

/** A token as it is in light colours, whatever the screen has. */
function lightColour(token: string): string {
  const probe = document.createElement("i");
  probe.hidden = true;
  probe.style.colorScheme = "light";
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** Draws at once: what is drawn a moment later is not on the paper. */
function draw(plots: uPlot[], width: number): void {
  for (const plot of plots) plot.batch(() => plot.setSize({ width, height: plot.height }));
}

/** Calls `on` when the browser is about to print, and when it has. */
function usePrinting(on: (printing: boolean) => void): void {
  useEffect(() => {
    const begin = (): void => on(true);
    const end = (): void => on(false);
    addEventListener("beforeprint", begin);
    addEventListener("afterprint", end);
    return () => {
      removeEventListener("beforeprint", begin);
      removeEventListener("afterprint", end);
    };
  }, []);
}

export function usePaper(plots: { current: uPlot[] }, box: { current: HTMLElement | null }): void {
  usePrinting((printing) => {
    const colours = new Map<string, string>();
    const once = (token: string): string => {
      const value = colours.get(token) ?? lightColour(token);
      colours.set(token, value);
      return value;
    };
    drawWith(printing ? once : null);
    draw(plots.current, printing ? PAPER_PX : (box.current?.clientWidth ?? PAPER_PX));
  });
}

/** Whether the page is being printed; what depends on it is rendered before the browser goes on. */
export function useOnPaper(): boolean {
  const [printing, setPrinting] = useState(false);
  usePrinting((value) => {
    // Preact renders a moment later, and then the picture for the paper has been taken.
    const { debounceRendering } = options;
    options.debounceRendering = (render) => render();
    setPrinting(value);
    if (debounceRendering) options.debounceRendering = debounceRendering;
    else delete options.debounceRendering;
  });
  return printing;
}
