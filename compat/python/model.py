"""What the counts must be: an independent, naive model.

It shares no code and no data structure with the program: a dictionary of the
earliest time of each status, recounted from scratch for every question, with
Python's own time zones.
"""

import datetime
import random
import zoneinfo

SLOT_MS = 15 * 60 * 1000
HALF_HOUR_MS = 30 * 60 * 1000
UTC = datetime.timezone.utc


class Model:
    """The events that were acknowledged, and what they add up to."""

    def __init__(self):
        self.earliest = {}

    def add(self, number, message, status, at_s):
        """Takes one event."""
        statuses = self.earliest.setdefault((number, message), {})
        at_ms = at_s * 1000
        statuses[status] = min(at_ms, statuses.get(status, at_ms))

    def rows(self, numbers, start_ms, end_ms, granularity="DAILY", zone="UTC"):
        """Rows as (Start, End, PhoneNumber, SentCount, DeliveredCount)."""
        counts = {}
        for (number, _), statuses in self.earliest.items():
            if number not in numbers:
                continue
            reached = [statuses[word] for word in ("delivered", "read", "played") if word in statuses]
            delivered = min(reached, default=None)
            left = [at for at in (statuses.get("sent"), delivered) if at is not None]
            for place, at_ms in ((0, min(left, default=None)), (1, delivered)):
                if at_ms is None:
                    continue
                bounds = bucket(at_ms - at_ms % SLOT_MS, granularity, zone)
                if bounds[0] < end_ms and bounds[1] > start_ms:
                    counts.setdefault((*bounds, number), [0, 0])[place] += 1
        return sorted((*key, *pair) for key, pair in counts.items())


def bucket(at_ms, granularity, zone):
    """The bucket that holds an instant."""
    if granularity == "HALF_HOUR":
        start = at_ms - at_ms % HALF_HOUR_MS
        return start, start + HALF_HOUR_MS
    # UTC needs no database of zones, which not every machine has.
    zone = UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone)
    day = datetime.datetime.fromtimestamp(at_ms / 1000, zone).date()
    following = day + datetime.timedelta(days=1)
    return midnight_ms(day, zone), midnight_ms(following, zone)


def midnight_ms(day, zone):
    """The first instant of a local day."""
    local = datetime.datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)


def random_events(seed, numbers, start_s, end_s, messages):
    """Events of messages with any history a provider may report, shuffled, with
    copies, later repetitions and statuses that never came."""
    draw = random.Random(seed)
    events = []
    for index in range(messages):
        number = draw.choice(numbers)
        message = f"wamid.{seed}.{index}"
        at_s = draw.randrange(start_s, end_s)
        if draw.random() < 0.93:
            events.append((number, message, "sent", at_s))
        for word, share in (("delivered", 0.85), ("read", 0.5), ("played", 0.05), ("failed", 0.04)):
            at_s = min(at_s + draw.choice((0, 0, 1, 7, 40, 900, 40_000)), end_s - 1)
            if draw.random() < share:
                events.append((number, message, word, at_s))
    copies = [draw.choice(events) for _ in range(len(events) // 4)]
    moved = [
        (number, message, word, max(start_s, min(end_s - 1, at_s + draw.randrange(-2000, 2000))))
        for number, message, word, at_s in draw.sample(events, len(events) // 10)
    ]
    events += copies + moved
    draw.shuffle(events)
    return events


def batches(seed, events, largest=60):
    """Cuts events into webhook bodies of random sizes."""
    draw = random.Random(seed)
    at = 0
    while at < len(events):
        size = draw.choice((1, 1, 2, 5, 20, largest))
        yield events[at : at + size]
        at += size
