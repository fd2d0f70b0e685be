"""Writes the shop and the 200 requests that every face answers: events.csv, items.csv and requests.jsonl.

    make_requests.py FOLDER

The same bytes every time. requests.jsonl is committed beside this file; a test holds the two together.
"""

import csv
import json
import sys
from pathlib import Path

USERS, VISITORS, TASTES, ITEMS_A_TASTE = 120, 30, 3, 25
REQUESTS = 200
AFTER = 1_717_200_000_000_000  # 2024-06-01, after every event


class Draws:
    """A generator of our own, so that no version of Python changes the shop."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % limit

    def of(self, choices):
        return choices[self.below(len(choices))]


def item_id(taste, item):
    # Some ids are awkward on purpose: spaces, quotes, commas, more than ASCII.
    return {(0, 3): "mug \"blue\"", (1, 5): "tee, large", (2, 7): "Tür-7", (0, 9): "茶-9", (1, 11): "back\\slash"}.get(
        (taste, item), f"{'abc'[taste]}{item}")


def events(draws):
    for person in range(USERS + VISITORS):
        who = ("user", f"u{person}") if person < USERS else ("visitor", f"v{person - USERS}")
        taste = person % TASTES
        for event in range(4 + draws.below(12)):
            of_taste = taste if draws.below(5) else draws.below(TASTES)
            # The lower of two draws: popular items exist.
            item = min(draws.below(ITEMS_A_TASTE), draws.below(ITEMS_A_TASTE))
            kind = draws.of(["view_item", "view_item", "view_item", "add_to_cart", "purchase"])
            second = draws.below(140 * 86400)
            day, second = divmod(second, 86400)
            month, day = divmod(day, 28)
            time = f"2024-{month + 1:02}-{day + 1:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z"
            order = f"o{person}" if kind == "purchase" else ""
            yield [time, kind, who[1] if who[0] == "user" else "", who[1] if who[0] == "visitor" else "", item_id(of_taste, item), order]


def requests(draws):
    known = [item_id(taste, item) for taste in range(TASTES) for item in range(ITEMS_A_TASTE)]
    # Items that every training sees: popular ones, and the awkward ones are among the first of their taste.
    sure = [item_id(taste, item) for taste in range(TASTES) for item in range(12)]
    for number in range(REQUESTS):
        request = {"n": draws.of([1, 3, 5, 10, 10, 20, 50, 100]), "time": AFTER + number * 61_000_001}
        sort = number % 10
        if sort in (0, 1, 8, 9):
            request["user"] = f"u{draws.below(USERS)}"
        if sort == 2:
            request["user"] = f"stranger {number}"
        if sort == 3:
            request["visitor"] = f"v{draws.below(VISITORS)}"
        if sort in (4, 5):
            request["session"] = [draws.of(known) for _ in range(1 + draws.below(6))]
        if sort == 5:
            request["session"].insert(draws.below(len(request["session"])), f"gone {number}")
            if number % 20 == 5:
                request["session"] = [f"gone {number}"]
        if sort == 6:
            request["user"] = f"u{draws.below(USERS)}"
            request["session"] = [draws.of(known) for _ in range(1 + draws.below(4))]
        if sort == 7:
            request = {"op": "similar", "items": [draws.of(sure)], "n": request["n"], "time": request["time"]}
            if number % 20 == 17:
                request.update(op="together", items=[draws.of(known) for _ in range(1 + draws.below(3))])
        if sort == 8:
            request["exclude_seen"] = False
            request["exclude_bought"] = bool(draws.below(2))
        if sort == 9 or number % 7 == 0:
            request["explain"] = True
        if number % 13 == 0 and sort != 7:
            request["page"] = "home"
        if sort in (0, 2, 6, 9) and number % 4 == 1 or sort == 0 and number % 4 == 0:
            request["policy"] = draws.of(["similar", "popular", "trending", "buy_again", "recently_viewed", "recently_viewed"])
        if number % 6 == 5:
            request["category"] = draws.of(["shop", "shop/a", "shop/b", "shop/c"])
        yield request


def write_shop(folder):
    with open(folder / "events.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "kind", "user", "visitor", "item", "order"])
        writer.writerows(events(Draws(2024)))
    with open(folder / "items.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["item", "name", "category", "price"])
        for taste in range(TASTES):
            for item in range(ITEMS_A_TASTE):
                writer.writerow([item_id(taste, item), f"Nº {item} of {'abc'[taste]}", f"shop/{'abc'[taste]}", f"{item + 1}.25"])


def write_requests(file):
    lines = (json.dumps(request, ensure_ascii=False) for request in requests(Draws(7)))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    write_shop(folder)
    write_requests(folder / "requests.jsonl")


if __name__ == "__main__":
    main()
