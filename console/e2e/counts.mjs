// Made-up counts for the fake server: days with rhythm, a bad hour, two week-ends. No randomness:
// the same question gets the same answer.
const HALF_HOUR = 1_800_000;
const DAY = 86_400_000;

/** A number between 0 and 1 that looks like chance. */
const chance = (a, b) => {
  let x = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 7, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39) >>> 0;
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
};

export const numberOf = (at) => String(15550100100 + at * 7);

function halfHour(number, startMs, nowMs) {
  const hour = ((startMs / 3_600_000) + 8) % 24;
  const weekday = Math.floor((startMs + 8 * 3_600_000) / DAY + 3) % 7;
  const rhythm = hour > 7 && hour < 21 ? Math.sin(((hour - 7) / 14) * Math.PI) : 0.06;
  const scale = (140 / (number + 1)) * (weekday > 4 ? 0.35 : 1);
  const slot = Math.floor(startMs / HALF_HOUR);
  const sent = Math.round(scale * rhythm * (0.8 + 0.4 * chance(number, slot)));
  const bad = number === 1 && slot % 337 < 4 ? 0.72 : 0.975;
  const settled = Math.min(1, 0.6 + (nowMs - startMs) / (2 * 3_600_000));
  const cohort = Math.min(sent, Math.round(sent * bad * settled));
  return { sent, cohort, delivered: Math.max(0, cohort + Math.round((chance(number, slot + 3) - 0.5) * sent * 0.06)) };
}

/** Counts of numbers in buckets. */
export function countsOf(numbers, buckets, nowMs) {
  return numbers.map((number) => {
    const series = { number: numberOf(number), sent: [], delivered: [], cohort: [] };
    for (const [start, end] of buckets) {
      const sum = { sent: 0, delivered: 0, cohort: 0 };
      for (let at = start; at < Math.min(end, nowMs); at += HALF_HOUR) {
        const part = halfHour(number, at, nowMs);
        for (const key of Object.keys(sum)) sum[key] += part[key];
      }
      for (const key of Object.keys(sum)) series[key].push(sum[key]);
    }
    return series;
  });
}

/** The sum of series. */
export function totalOf(series, length) {
  const total = { sent: new Array(length).fill(0), delivered: new Array(length).fill(0), cohort: new Array(length).fill(0) };
  for (const one of series) for (const key of Object.keys(total)) one[key].forEach((value, at) => (total[key][at] += value));
  return total;
}

export { DAY, HALF_HOUR };
