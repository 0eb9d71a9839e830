"""Worker processes that decide at the same moment.

`budget_workers.py DATABASE_URL REDIS_URL NOW_MS WORKERS TURNS PLACEMENT…` prints how many decisions each placement
sold, as JSON. It forks before any thread has begun, with all modules loaded, so sixteen processes start at the price
of one.
"""

import asyncio
import json
import os
import sys
from collections import Counter

from backend.serving.decision import AdRequest, Decision
from bench.app import unwire, wire


async def work(
    number: int, database_url: str, redis_url: str, now_ms: int, turns: int, placements: list[int], ready: int, go: int
) -> list[int]:
    """The placements on which this worker won, with stores of its own."""
    wiring = wire(database_url, redis_url)
    wiring.feed.refresh(now_ms)
    won: list[int] = []
    os.write(ready, b"1")
    os.read(go, 1)      # until everybody is ready: then the other end is closed
    for turn in range(turns):
        random = (number * turns + turn + 1).to_bytes(10, "big") + os.urandom(8)
        asked = [AdRequest(one, f"viewer-{number}-{turn}") for one in placements]
        answers = await asyncio.gather(*(wiring.decisions.decide(one, now_ms, random) for one in asked))
        won += [one for one, answer in zip(placements, answers, strict=True) if isinstance(answer, Decision)]
    await unwire(wiring)
    return won


def main(
    database_url: str, redis_url: str, now_ms: int, workers: int, turns: int, placements: list[int]
) -> Counter[int]:
    go, start = os.pipe()
    hear, ready = os.pipe()
    answers = []
    for number in range(workers):
        readable, writable = os.pipe()
        if os.fork() == 0:
            os.close(start)
            mine = work(number, database_url, redis_url, now_ms, turns, placements, ready, go)
            os.write(writable, json.dumps(asyncio.run(mine)).encode())
            os._exit(0)
        os.close(writable)
        answers.append(readable)
    os.close(ready)
    for _ in range(workers):
        assert os.read(hear, 1), "a worker ended before it was ready"
    os.close(start)
    total: Counter[int] = Counter(dict.fromkeys(placements, 0))
    for readable in answers:
        with os.fdopen(readable, "rb") as file:
            total.update(json.loads(file.read()))
    return total


if __name__ == "__main__":
    now, workers, turns, *placements = (int(one) for one in sys.argv[3:])
    found = main(sys.argv[1], sys.argv[2], now, workers, turns, placements)
    sys.stdout.write(json.dumps(found))
