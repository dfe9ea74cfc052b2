"""The main promise, end to end: random events with copies and disorder go in as
signed webhooks, the server is killed and started again in between, and what the
official SDK then reads equals the independent model."""

import os
import random
import threading

import pytest

import directory
from callers import all_callers, rows
from instance import Instance, whatsapp_body
from model import Model, batches, random_events

DAY_S = 86_400
SEEDS = [int(seed) for seed in os.environ.get("CHATMETRIC_MODEL_SEEDS", "1 2 3").split()]
WRITERS = 3


def send_until_acknowledged(instance, queue, lock, model, alive):
    """A provider's behaviour: a body is sent again until it was answered 200."""
    while True:
        with lock:
            if not queue:
                return
            batch = queue.pop()
        while True:
            alive.wait(30)
            try:
                status = instance.webhook("acme-all", directory.APP_SECRET, whatsapp_body(batch))
            except OSError:
                continue
            except Exception:
                # The connection died inside an answer; nothing is known, so again.
                continue
            if status == 200:
                break
        with lock:
            for event in batch:
                model.add(*event)


@pytest.mark.parametrize("seed", SEEDS)
def test_counts_equal_the_model_whatever_happens(tmp_path, now_s, seed):
    draw = random.Random(seed)
    instance = Instance(tmp_path, directory.DOCUMENT).start()
    model = Model()
    numbers = directory.NUMBERS + directory.NUMBERS_SINGAPORE
    events = random_events(seed, numbers, now_s - 20 * DAY_S, now_s, 1_500)
    queue = list(batches(seed, events))
    lock, alive = threading.Lock(), threading.Event()
    alive.set()
    total = len(queue)
    writers = [
        threading.Thread(target=send_until_acknowledged, args=(instance, queue, lock, model, alive))
        for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        kills = sorted(draw.sample(range(total), 5), reverse=True)
        for left in kills:
            while len(queue) > left:
                writers[0].join(0.002)
                if not any(writer.is_alive() for writer in writers):
                    break
            alive.clear()
            instance.kill()
            instance.start()
            alive.set()
    finally:
        alive.set()
        for writer in writers:
            writer.join(120)
    assert not queue
    ways = all_callers()
    for _ in range(12):
        caller = draw.choice(ways)
        granularity = draw.choice(["DAILY", "HALF_HOUR"])
        space, members, zone = draw.choice(
            [
                (directory.SPACE, directory.NUMBERS, "UTC"),
                (directory.SPACE_SINGAPORE, directory.NUMBERS_SINGAPORE, "Asia/Singapore"),
            ]
        )
        start = (now_s - draw.randrange(1, 25 * DAY_S)) * 1000 + draw.randrange(1000)
        end = start + draw.randrange(1, 25 * DAY_S * 1000)
        parameters = {"CustSpaceId": space, "Start": start, "End": end, "Granularity": granularity}
        number = draw.choice([None, *members])
        if number:
            parameters["PhoneNumber"] = number
        body = caller.call(instance.port, directory.READER, parameters)
        expected = model.rows([number] if number else members, start, end, granularity, zone)
        assert rows(body) == expected, (seed, caller.name, parameters)
    instance.stop()
    assert "panicked" not in instance.log()
    instance.command("verify")
