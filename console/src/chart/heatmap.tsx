// Hour × weekday of what was sent, averaged over the weeks: when people are written to. A table,
// so that it can be read without colours.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { count, decimal, NOTHING, WEEKDAYS } from "../format.ts";
import { metrics } from "../messages/en/metrics.ts";
import { tables as m } from "../messages/en/tables.ts";
import { wallAt } from "../zone.ts";

const HOURS = 24;
const LEVELS = 6;
const two = (hour: number): string => String(hour).padStart(2, "0");

/** Averages by weekday and hour: the sum of an hour over how often that hour was there. */
export function hourly(buckets: [number, number][], values: (number | null)[], zone: string): (number | null)[][] {
  const sums = WEEKDAYS.map(() => new Array<number>(HOURS).fill(0));
  const times = WEEKDAYS.map(() => new Array<number>(HOURS).fill(0));
  let before = "";
  buckets.forEach(([start], at) => {
    const value = values[at] ?? null;
    if (value === null) return;
    const { weekday, hour, day, month } = wallAt(zone, start);
    sums[weekday]![hour]! += value;
    const key = `${month}-${day}-${hour}`;
    if (key !== before) times[weekday]![hour]! += 1;
    before = key;
  });
  return sums.map((row, weekday) => row.map((sum, hour) => (times[weekday]![hour] === 0 ? null : sum / times[weekday]![hour]!)));
}

export function Heatmap(props: { buckets: [number, number][]; values: (number | null)[]; zone: string }): JSX.Element {
  const cells = useMemo(() => hourly(props.buckets, props.values, props.zone), [props.buckets, props.values, props.zone]);
  const most = cells.flat().reduce<number>((a, b) => Math.max(a, b ?? 0), 0);
  const level = (value: number): number => (most === 0 || value === 0 ? 0 : Math.max(1, Math.ceil((value / most) * LEVELS)));
  return (
    <div class="heat-wrap" tabIndex={0} role="region" aria-label={metrics.hours}>
      <table class="heat">
        <caption>{m.hoursWhat(props.zone)}</caption>
        <thead>
          <tr>
            <td />
            {Array.from({ length: HOURS }, (_, hour) => (
              <th key={hour} scope="col">
                {two(hour)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, weekday) => (
            <tr key={WEEKDAYS[weekday]}>
              <th scope="row">{WEEKDAYS[weekday]}</th>
              {row.map((value, hour) => (
                <td key={hour} class={value === null ? "none" : `level-${level(value)}`} title={value === null ? NOTHING : m.hourOf(WEEKDAYS[weekday]!, two(hour), value < 10 ? decimal(value) : count(value))}>
                  <span class="visually-hidden">{value === null ? NOTHING : decimal(value)}</span>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <div class="heat-key" aria-hidden="true">
        <span>0</span>
        {Array.from({ length: LEVELS + 1 }, (_, step) => (
          <i key={step} class={`level-${step}`} />
        ))}
        <span>{count(most)}</span>
      </div>
    </div>
  );
}
