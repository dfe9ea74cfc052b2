// The filters of the Metrics page: space, numbers, range, granularity, what is shown, whose clock.
import type { JSX } from "preact";
import { Segments, Select, Text } from "../../components/field.tsx";
import { metrics as m } from "../../messages/en/metrics.ts";
import type { Space } from "../../types.ts";
import { HALF_HOUR, instantOf, wallAt } from "../../zone.ts";
import { HALF_HOURS_MAX_MS, RANGES, longOnly } from "./state.ts";
import type { MetricsState, Span } from "./state.ts";
import { NumberPicker } from "./number_picker.tsx";

interface FiltersProps {
  state: MetricsState;
  spaces: Space[];
  space: Space | null;
  numbersTotal: number | null;
  zone: string;
  span: Span;
  onState: (change: Partial<MetricsState>) => void;
}

const key = (space: Space): string => (space.isvCode ? `${space.id}|${space.isvCode}` : space.id);
const two = (value: number): string => String(value).padStart(2, "0");

/** An instant as the value of a date and time field. */
export function fieldOf(ms: number, zone: string): string {
  const wall = wallAt(zone, ms);
  return `${String(wall.year).padStart(4, "0")}-${two(wall.month)}-${two(wall.day)}T${two(wall.hour)}:${two(wall.minute)}`;
}

/** The instant of a date and time field, or null. */
export function ofField(text: string, zone: string): number | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute] = found.slice(1).map(Number);
  return instantOf(zone, year!, month!, day!, hour!, minute!);
}

export function Filters(props: FiltersProps): JSX.Element {
  const { state, onState, zone, span } = props;
  const own = props.space?.timeZone ?? m.utc;
  const custom = state.range === "custom";
  const halfHours = !longOnly(state.range) && (!custom || span.endMs - span.startMs <= HALF_HOURS_MAX_MS);
  const limit = (fromMs: number, toMs: number): Partial<MetricsState> => (toMs - fromMs > HALF_HOURS_MAX_MS ? { granularity: "daily" } : {});
  const setFrom = (text: string): void => {
    const fromMs = ofField(text, zone);
    if (fromMs !== null) onState({ fromMs, zoom: null, ...limit(fromMs, state.toMs) });
  };
  const setTo = (text: string): void => {
    const toMs = ofField(text, zone);
    if (toMs !== null) onState({ toMs, zoom: null, ...limit(state.fromMs, toMs) });
  };
  const setRange = (value: string): void => {
    const range = RANGES.find((name) => name === value) ?? "7d";
    if (range !== "custom") onState({ range, zoom: null, ...(longOnly(range) ? { granularity: "daily" } : {}) });
    else onState({ range, zoom: null, fromMs: Math.floor(span.startMs / HALF_HOUR) * HALF_HOUR, toMs: Math.ceil(span.endMs / HALF_HOUR) * HALF_HOUR });
  };
  return (
    <div class="card filters" role="search" aria-label={m.filters}>
      {/* Here from the beginning, as the zone is, also where there is one alone: nothing may jump. */}
      <Select
        label={m.space}
        value={props.space ? key(props.space) : ""}
        disabled={props.spaces.length < 2}
        options={props.spaces.map((space) => ({ value: key(space), label: space.isvCode ? m.spaceOf(space.id, space.owner.name || space.owner.id) : space.id }))}
        onValue={(value) => {
          const chosen = props.spaces.find((space) => key(space) === value);
          if (chosen) onState({ space: chosen.id, isv: chosen.isvCode ?? "", numbers: [], zoom: null });
        }}
      />
      <NumberPicker space={props.space} isv={state.isv} total={props.numbersTotal} chosen={state.numbers} onChosen={(numbers) => onState({ numbers })} />
      <Select label={m.range} value={state.range} options={RANGES.map((range) => ({ value: range, label: m.ranges[range]! }))} onValue={setRange} />
      {custom && (
        <>
          <Text label={m.from} type="datetime-local" value={fieldOf(state.fromMs, zone)} onValue={setFrom} />
          <Text label={m.until} type="datetime-local" value={fieldOf(state.toMs, zone)} onValue={setTo} error={state.toMs <= state.fromMs ? m.badRange : null} />
        </>
      )}
      <Segments
        label={m.granularity}
        value={state.granularity}
        options={[
          { value: "half-hour", label: m.halfHour, disabled: !halfHours },
          { value: "daily", label: m.daily },
        ]}
        onValue={(value) => onState({ granularity: value === "daily" ? "daily" : "half-hour", zoom: null })}
      />
      <Segments
        label={m.show}
        value={state.show}
        options={[
          { value: "total", label: m.total },
          { value: "numbers", label: m.byNumber },
        ]}
        onValue={(value) => onState({ show: value === "numbers" ? "numbers" : "total" })}
      />
      {state.granularity === "half-hour" ? (
        <Select
          label={m.zone}
          value={state.utc ? "utc" : "space"}
          disabled={own === m.utc}
          options={[
            { value: "space", label: own },
            { value: "utc", label: m.utc },
          ]}
          onValue={(value) => onState({ utc: value === "utc" })}
        />
      ) : (
        <div class="filters-zone">{props.space && m.daysIn(zone)}</div>
      )}
    </div>
  );
}
