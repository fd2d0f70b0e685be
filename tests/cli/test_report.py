"""The report: one well-formed page that needs nothing else, whatever the names in the log are."""

import csv
import html.parser
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

HOSTILE = '<script>alert("1")</script>\'&amp;</style></svg>\x01\x7f\u0085\u202e"]]>'
SVG = "svg"


class Page(html.parser.HTMLParser):
    """What a browser would see: tags, attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def train(pannier, tmp_path, *arguments):
    page = tmp_path / "report.html"
    done = pannier("train", "--store", tmp_path / "store", "--report", page, *arguments, "--json")
    assert done.code == 0, done.err
    assert done.json["generation"] == "00000001"
    return page.read_text(encoding="utf-8")


def tables_of(page):
    """Every table as a list of rows of texts, by its first head cell."""
    found = {}
    for table in ElementTree.fromstring(page).iter("table"):
        rows = [["".join(cell.itertext()).replace("\u00a0", " ") for cell in row] for row in table.iter("tr")]
        found.setdefault(rows[0][0], []).append(rows)
    return found


@pytest.fixture(scope="module")
def page(pannier, shop, config, tmp_path_factory):
    return train(pannier, tmp_path_factory.mktemp("report"), "--events", shop / "events.csv", "--items", shop / "items.csv", "--config", config)


def test_the_page_needs_nothing_but_itself(page):
    seen = Page(page)
    assert not set(seen.tags) & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"}
    names = {name for name, _ in seen.attributes}
    assert not names & {"src", "href", "xlink:href", "srcset", "style"} and not [name for name in names if name.startswith("on")]
    assert "@import" not in page and "url(" not in page and "http" not in page
    assert ("name", "viewport") in seen.attributes and "@media print" in page and "prefers-color-scheme:dark" in page


def test_the_page_is_well_formed_and_holds_every_part(page):
    root = ElementTree.fromstring(page)
    sections = {section.get("id"): section for section in root.iter("section")}
    assert list(sections) == ["reading", "sales", "popularity", "quality", "customers", "items", "speed", "run"]
    for name in ("sales", "popularity", "quality", "speed"):
        pictures = list(sections[name].iter(SVG))
        assert pictures and all(picture.get("role") == "img" and picture.get("aria-label") for picture in pictures)
        assert list(sections[name].iter("table")), name
    assert [heading.text for heading in root.iter("h1")] or root.find(".//h1/bdi").text == "events.csv"


def test_every_mark_of_a_picture_lies_inside_it(page):
    for picture in ElementTree.fromstring(page).iter(SVG):
        _, _, width, height = map(float, picture.get("viewBox").split())
        for mark in picture.iter():
            for x, y in (("x", "y"), ("x1", "y1"), ("x2", "y2"), ("cx", "cy")):
                if mark.get(x) is not None:
                    assert -1 <= float(mark.get(x)) <= width + 1 and -1 <= float(mark.get(y)) <= height + 1, ElementTree.tostring(mark)
            if mark.tag == "rect":
                assert float(mark.get("width")) > 0 and float(mark.get("height")) >= 0
                assert float(mark.get("y")) + float(mark.get("height")) <= height + 1
            for point in (mark.get("points") or "").split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= width and 0 <= y <= height
        ends = {}
        for text in picture.iter("text"):   # ticks of one line do not touch: 5 units a letter at least
            if text.get("text-anchor") == "middle":
                half = 2.5 * len(text.text)
                ends.setdefault(text.get("y"), []).append((float(text.get("x")) - half, float(text.get("x")) + half))
        for spans in ends.values():
            assert all(left[1] <= right[0] for left, right in zip(spans, spans[1:]))


def test_the_sums_are_those_of_the_log(page, shop):
    with open(shop / "events.csv", newline="") as file:
        events = list(csv.DictReader(file))
    months = {}
    for event in events:
        month = months.setdefault(event["time"][:7], {"sales": 0.0, "refunds": 0.0, "orders": set(), "events": 0})
        month["events"] += 1
        amount = float(event["quantity"] or 1) * float(event["price"] or "nan")
        if event["kind"] == "purchase":
            month["sales"] += amount
            month["orders"].add(event["order"])
        elif event["kind"] == "refund":
            month["refunds"] += amount
    shown = {row[0]: dict(zip(("month", "sales", "refunds", "orders", "customers", "events"), row)) for row in tables_of(page)["month"][0][1:]}
    assert list(shown) == sorted(months)
    for month, sums in months.items():
        read = {key: float(text.replace(",", "").replace("−", "-")) for key, text in shown[month].items() if key != "month"}
        assert read["events"] == sums["events"] and read["orders"] == len(sums["orders"])
        assert abs(read["sales"] - (sums["sales"] - sums["refunds"])) <= 0.51 and abs(read["refunds"] - sums["refunds"]) <= 0.51
    best = tables_of(page)[""][0]
    bought = {}
    for event in events:
        if event["kind"] == "purchase":
            bought[event["item"]] = bought.get(event["item"], 0) + 1
    assert [int(row[2].replace(",", "")) for row in best[1:]] == sorted(bought.values(), reverse=True)[:10]


def test_quality_stands_with_intervals_beside_popular(page):
    new_items, all_items = [rows for rows in tables_of(page)["model"] if rows[0][1].startswith("NDCG")]
    for rows in (new_items, all_items):
        assert [row[0] for row in rows[1:]] == ["popular", "item_knn", "ials"]
        for row in rows[1:]:
            low, high = map(float, row[2].split("–"))
            assert low <= float(row[1]) <= high
        for row in rows[2:]:
            assert re.fullmatch(r"[+−]0\.\d{4} \((0\.\d{4}–|−0\.\d{4} to −?)0\.\d{4}\) (better|worse|not told apart)", row[3]), row


def test_hostile_names_are_texts_and_nothing_else(pannier, shop, config, tmp_path):
    items, events = tmp_path / "items.csv", tmp_path / "events.csv"
    with open(shop / "items.csv", newline="") as source, open(items, "w", newline="") as out:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(out, rows.fieldnames)
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"name": HOSTILE + row["name"], "category": "<b>" + row["category"]})
    with open(shop / "events.csv", newline="") as source, open(events, "w", newline="") as out:
        rows = csv.DictReader(source)
        writer = csv.DictWriter(out, rows.fieldnames)
        writer.writeheader()
        for row in rows:
            writer.writerow(row | {"user": row["user"] and row["user"] + "<i>\"'&"})
        writer.writerow(row | {"kind": "purchase", "price": "<script>x</script>"})
    page = train(pannier, tmp_path, "--events", events, "--items", items, "--config", config, "--on-error", "skip")
    seen = Page(page)
    assert "script" not in seen.tags and "b" in seen.tags and "i" not in seen.tags
    texts = "".join(ElementTree.fromstring(page).itertext())
    assert '<script>alert("1")</script>\'&amp;</style></svg>\ufffd\ufffd\ufffd\u202e"]]>' in texts
    assert "<i>\"'&" in texts and "<script>x</script>" in texts
    assert page.count("<style>") == page.count("</style>") == 1 and "]]>" not in page
    for forbidden in ("\x01", "\x7f", "\u0085"):
        assert forbidden not in page


@pytest.mark.parametrize("lines", [
    ["2024-01-01,u1,a,purchase,1,1"],                                                      # one event
    ["2024-01-01,u1,a,view_item,1,", "2024-01-01,u2,b,view_item,1,"],                      # one time, no price, no purchase
    [f"20{10 + n % 20}-01-01,u{n % 7},i{n % 5},purchase,1,0" for n in range(60)],          # twenty years, free of charge
    [f"2024-01-{1 + n % 28:02},u{n % 3},i{n % 4},refund,1,2" for n in range(40)] + ["2024-01-01,u9,i1,purchase,1,1e12"],
])
def test_odd_logs_have_a_page_too(pannier, config, tmp_path, lines):
    file = tmp_path / "events.csv"
    file.write_text("time,user,item,kind,quantity,price\n" + "\n".join(lines) + "\n")
    page = train(pannier, tmp_path, "--events", file, "--config", config)
    ElementTree.fromstring(page)
    assert not re.search(r"\b(nan|inf)\b", re.sub(r"<style>.*?</style>", "", page, flags=re.S))


def test_the_same_log_gives_the_same_examples(pannier, shop, config, tmp_path):
    pages = []
    for name, threads in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        text = train(pannier, tmp_path / name, "--events", shop / "events.csv", "--config", config, "--threads", threads)
        parts = {section.get("id"): ElementTree.tostring(section) for section in ElementTree.fromstring(text).iter("section")}
        pages.append({name: parts[name] for name in ("reading", "sales", "popularity", "quality", "customers", "items")})
    assert pages[0] == pages[1]


def test_a_report_that_cannot_be_written_is_refused_before_training(pannier, shop, tmp_path):
    done = pannier("train", "--store", tmp_path / "store", "--events", shop / "events.csv", "--report", tmp_path / "none" / "report.html")
    assert done.code == 1 and "report.html" in done.err and "folder" in done.err
    assert not (tmp_path / "store" / "CURRENT").exists()


def test_a_store_without_new_files_has_a_report(pannier, store, config, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    done = pannier("train", "--store", tmp_path / "store", "--config", config, "--report", tmp_path / "report.html")
    assert done.code == 0 and "report.html" in done.out
    root = ElementTree.fromstring((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "0 lines read" in "".join(root.itertext())


def test_a_log_without_times_has_no_dates_and_is_measured_by_the_last_item(pannier, tmp_path):
    lines = ["basket,item"] + [f"{k // 4},{'ab'[k // 4 % 2]}{(k * 7 + k // 11) % 9}" for k in range(400)]
    (tmp_path / "baskets.csv").write_text("\n".join(lines) + "\n")
    done = pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "baskets.csv", "--map", "session=basket", "--kind", "purchase", "--time-unit", "none",
                   "--report", tmp_path / "r.html")
    assert done.code == 0, done.err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    sections = [section.get("id") for section in ElementTree.fromstring(page).iter("section")]
    assert "sales" not in sections and "quality" in sections and "popularity" in sections
    assert "1970" not in page and "A log without times" in page and "last event was held out" in page
    texts = " ".join(ElementTree.fromstring(page).itertext())
    assert "customers and visitors" not in texts and "100 sessions asked" in texts and "new to the customer" not in texts
    # A model is said to be not measured once, whatever it was asked for.
    said = re.findall(r"Not measured: (\w+)", texts)
    assert "trending" in said and len(said) == len(set(said))


@pytest.mark.parametrize("kind", ["view_item", "purchase"])
def test_a_log_of_sessions_alone_speaks_of_sessions(pannier, tmp_path, kind):
    lines = ["time,session,item"] + [f"2024-0{1 + k // 200}-{1 + k // 8 % 28:02} 10:{k % 60:02}:00,s{k // 4},{'ab'[k // 4 % 2]}{(k * 7 + k // 11) % 9}" for k in range(400)]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    done = pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "visits.csv", "--kind", kind, "--report", tmp_path / "r.html")
    assert done.code == 0, done.err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    texts = " ".join(ElementTree.fromstring(page).itertext())
    assert "sessions" in texts and "customers and visitors" not in texts
    sales = next(section for section in ElementTree.fromstring(page).iter("section") if section.get("id") == "sales")
    title = sales.find("h2").text
    assert title == ("Events by week" if kind == "view_item" else "Sales by week")
