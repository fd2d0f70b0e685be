"""The subcommands do what their help says, and fail by name."""

import csv
import json
import os
import subprocess
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

COMMANDS = ["simulate", "train", "recommend", "similar", "evaluate", "inspect", "verify", "rollback", "prune", "erase", "demo"]


def users_of(shop):
    with open(shop / "users.csv", newline="") as file:
        return [row["user"] for row in csv.DictReader(file)]


def first_user(shop):
    """A user with at least five purchases of the log."""
    bought = {}
    with open(shop / "events.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] == "purchase" and row["user"]:
                bought[row["user"]] = bought.get(row["user"], 0) + 1
    return next(user for user, count in sorted(bought.items()) if count >= 5)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(pannier, command):
    done = pannier(command, "--help")
    assert done.code == 0
    assert "--json" in done.out and "--threads" in done.out


def test_the_version_is_that_of_the_header(pannier, request):
    header = (request.config.rootpath / "include/pannier/core/version.hpp").read_text()
    assert pannier("--version").out.strip() == re.search(r'version = "([0-9.]+)"', header)[1]


@pytest.mark.parametrize("arguments", [
    [], ["no-such-command"], ["train"], ["recommend", "--store", "x"], ["similar", "--store", "x"],
    ["train", "--store", "x", "--events", "e.csv", "--on-error", "perhaps"],
    ["train", "--store", "x", "--events", "e.csv", "--kind", "purchse"],
    ["recommend", "--store", "x", "--user", "u", "-n", "0"], ["recommend", "--store", "x", "--user", "u", "-n", "-1"],
    ["recommend", "--store", "x", "--user", "u", "--threads", "-1"],
    ["evaluate", "--model", "popular", "--train", "f", "--format", "lightgcn"],
    ["evaluate", "--model", "popular", "--events", "f", "--at", "0", "--last-out"],
])
def test_bad_usage_exits_2_and_says_why(pannier, arguments):
    done = pannier(*arguments)
    assert done.code == 2
    assert done.err.startswith("pannier: ") and done.out == ""


def test_with_json_a_failure_is_an_object_on_stderr(pannier, tmp_path):
    done = pannier("recommend", "--store", tmp_path / "nowhere", "--user", "u", "--json")
    assert done.code == 1 and done.out == ""
    error = json.loads(done.err)["error"]
    assert error["code"] == "not_found" and "nowhere" in error["where"] and error["what"]
    done = pannier("recommend", "--json")
    assert done.code == 2
    assert json.loads(done.err)["error"]["code"] == "invalid_argument"


@pytest.mark.parametrize("arguments, named", [
    (["recomend", "--store", "x"], "'recomend'; did you mean recommend?"),
    (["recommend", "--stor", "x", "--user", "u"], "'--stor'; did you mean --store?"),
    (["recommend", "--store", "x", "--user", ""], "--user: is empty"),
    (["recommend", "--store", "x", "--session", "a,,b"], "empty id"),
    (["recommend", "--store", "x", "--user", "u", "-n", "0"], "-n: Value 0 not in range 1 to 10000"),
])
def test_bad_usage_names_the_word(pannier, arguments, named):
    done = pannier(*arguments)
    assert done.code == 2 and named in done.err
    error = json.loads(pannier(*arguments, "--json").err)["error"]
    assert error["code"] == "invalid_argument" and error["where"] and error["what"]


def test_without_current_a_store_says_how_to_mend_it(pannier, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    (copy / "CURRENT").unlink()
    done = pannier("recommend", "--store", copy, "--user", "u")
    assert done.code == 1 and "CURRENT" in done.err and "00000001" in done.err
    assert pannier("rollback", "--store", copy).code == 1
    assert pannier("rollback", "--store", copy, "--generation", "00000001").code == 0
    assert pannier("recommend", "--store", copy, "--user", "u").code == 0


def test_verify_tells_of_current_beside_the_generations(pannier, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    sound = pannier("verify", "--store", copy, "--json").json
    assert sound["current"] == {"ok": True, "errors": []} and [check["id"] for check in sound["generations"]] == ["00000001"]
    (copy / "CURRENT").unlink()
    done = pannier("verify", "--store", copy, "--json")
    told = json.loads(done.out)
    assert done.code == 1 and not told["current"]["ok"] and "roll back" in told["current"]["errors"][0]
    assert told["generations"] == [{"id": "00000001", "ok": True, "errors": []}] and told["people"]["ok"]


def test_a_cut_outside_of_the_log_is_refused_with_the_times_that_are_possible(pannier, shop):
    for cut, why in (("2001-01-01", "no event is from before it"), ("2101-01-01", "no event is from then on")):
        done = pannier("evaluate", "--model", "popular", "--events", shop / "events.csv", "--split", cut, "--json")
        error = json.loads(done.err)["error"]
        assert done.code == 1 and error["where"] == "--split" and why in error["what"] and error["allowed"].startswith("a time after 20")


def test_help_says_at_least_one(pannier):
    help_text = pannier("recommend", "--help").out
    assert "At least 1 of the following options" in help_text and "of the follow " not in help_text
    assert pannier("recommend", "--store", "x").code == 2


def test_the_demo_refuses_an_unknown_customer_before_it_trains(pannier, shop, tmp_path):
    done = pannier("demo", "--folder", tmp_path, "--events", shop / "events.csv", "--user", "nobody")
    assert done.code == 1 and "--user: no event names 'nobody'" in done.err and "published" not in done.out
    assert not (tmp_path / "store").exists() and not list(tmp_path.glob("store.new*"))


def test_inspect_shows_the_sound_generations_beside_a_damaged_one(pannier, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    shutil.copy(copy / "generations/00000001.pnr", copy / "generations/00000009.pnr")
    shown = pannier("inspect", "--store", copy, "--json")
    assert shown.code == 0
    sound, wrong = shown.json["generations"]
    assert sound["current"] and sound["items"] == 60 and "error" in wrong and not wrong["current"]
    assert pannier("verify", "--store", copy).code == 1


def test_a_missing_file_makes_no_store(pannier, tmp_path):
    assert pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "none.csv").code == 1
    assert not (tmp_path / "store").exists()


def test_a_near_kind_is_proposed(pannier):
    done = pannier("train", "--store", "x", "--events", "e.csv", "--kind", "purchse")
    assert "did you mean purchase?" in done.err


def test_together_answers_for_a_cart_by_order(pannier, tmp_path):
    lines = ["time,kind,user,order,item,item_name"]
    for n in range(40):
        for item, name in (("tea", "Tea"), ("cup", "A cup")) if n % 2 == 0 else (("bread", "Bread"), ("butter", "Butter")):
            lines.append(f"2024-01-{1 + n // 2:02},purchase,,o{n},{item},{name}")
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    assert pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "events.csv", "--json").json["users"] == 0
    answer = pannier("together", "--store", tmp_path / "store", "--item", "tea", "--json").json
    assert answer["policy"] == "together" and not answer["fallback"]
    assert [(item["item"], item["name"]) for item in answer["items"]] == [("cup", "A cup")]
    cart = pannier("together", "--store", tmp_path / "store", "--item", "tea,bread", "-n", "5", "--explain").out
    assert "A cup" in cart and "Butter" in cart and "bought with Tea" in cart
    # As in every face, an item that nobody knows is passed over.
    beside = pannier("together", "--store", tmp_path / "store", "--item", "tea,coffee", "--json").json
    assert [item["item"] for item in beside["items"]] == ["cup"]
    refused = pannier("together", "--store", tmp_path / "store", "--item", "tea,,cup")
    assert refused.code == 2 and "has an empty id" in refused.err
    refused = pannier("together", "--store", tmp_path / "store", "--item", "coffee,milk")
    assert refused.code == 1 and "coffee,milk" in refused.err


def test_ids_with_commas_are_asked_as_a_json_array(pannier, tmp_path):
    lines = ["time;kind;user;item".replace(";", ",")]
    for n in range(20):
        lines += [f'2024-01-{1 + n % 20:02},purchase,u{n},"mug, red"', f"2024-01-{1 + n % 20:02},purchase,u{n},cup{n % 2}"]
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    assert pannier("train", "--store", tmp_path / "store", "--events", tmp_path / "events.csv").code == 0
    answer = pannier("recommend", "--store", tmp_path / "store", "--session", '["mug, red"]', "--json").json
    assert not answer["fallback"] or answer["policy"] == "similar"
    assert {item["item"] for item in answer["items"]} == {"cup0", "cup1"}
    refused = pannier("recommend", "--store", tmp_path / "store", "--session", '["a", 1]')
    assert refused.code == 2 and "JSON array of texts" in refused.err


def test_train_reports_what_interface_promises(pannier, shop, config, tmp_path):
    arguments = ["train", "--store", tmp_path / "store", "--events", shop / "events.csv", "--items", shop / "items.csv",
                 "--config", config, "--json"]
    first = pannier(*arguments).json
    lines = sum(1 for _ in open(shop / "events.csv")) - 1
    assert first["events"] == {"read": lines, "ingested": lines, "duplicates": 0, "dropped": {}, "noted": {}, "proposals": [], "no_products": []}
    assert first["users"] > 0 and first["items"] == 60
    assert [model["name"] for model in first["models"]] == ["popular", "item_knn", "ials"]
    assert all(model["seconds"] >= 0 for model in first["models"])
    assert first["seconds"] > 0 and first["peak_rss_mb"] > 0
    again = pannier(*arguments).json
    assert again["events"]["ingested"] == 0 and again["events"]["duplicates"] == lines
    assert again["generation"] != first["generation"]
    retrained = pannier("train", "--store", tmp_path / "store", "--config", config, "--json").json
    assert retrained["events"]["read"] == 0 and retrained["users"] == first["users"]


def test_recommend_answers_a_known_person_personally(pannier, shop, store):
    user = first_user(shop)
    answer = pannier("recommend", "--store", store, "--user", user, "-n", 5, "--explain", "--json").json
    assert answer["policy"] == "personal" and answer["fallback"] is False
    items = answer["items"]
    assert len(items) == 5 and len({item["item"] for item in items}) == 5
    assert all(item["name"] and item["reasons"] and item["propensity"] == 1 for item in items)
    scores = [item["score"] for item in items]
    assert scores == sorted(scores, reverse=True)
    with open(shop / "events.csv", newline="") as file:
        seen = {row["item"] for row in csv.DictReader(file) if row["user"] == user and row["item"]}
    assert not seen & {item["item"] for item in items}
    kept = pannier("recommend", "--store", store, "--user", user, "-n", 60, "--seen", "keep", "--json").json
    assert seen & {item["item"] for item in kept["items"]}


def test_recommend_falls_back_for_a_stranger_and_says_so(pannier, store):
    answer = pannier("recommend", "--store", store, "--user", "nobody at all", "-n", 4, "--json").json
    assert answer["policy"] == "popular" and answer["fallback"] is True and len(answer["items"]) == 4


def test_an_anonymous_session_gets_items_other_than_its_own(pannier, store):
    seeds = [item["item"] for item in pannier("recommend", "--store", store, "--user", "x", "-n", 2, "--json").json["items"]]
    answer = pannier("recommend", "--store", store, "--session", ",".join(seeds), "-n", 6, "--json").json
    assert answer["policy"] == "personal" and answer["fallback"] is False
    assert not set(seeds) & {item["item"] for item in answer["items"]}
    unknown = pannier("recommend", "--store", store, "--session", "no-such-item", "-n", 3, "--json").json
    assert unknown["policy"] == "popular" and len(unknown["items"]) == 3


def test_recommend_begins_with_the_policy_and_says_why_in_words(pannier, shop, store):
    with open(shop / "items.csv", newline="") as file:
        items = {row["item"]: row for row in csv.DictReader(file)}
    user = first_user(shop)
    answer = pannier("recommend", "--store", store, "--user", user, "--policy", "popular", "--explain", "--json").json
    assert answer["policy"] == "popular" and not answer["fallback"]
    assert all([reason["kind"] for reason in item["reasons"]] == ["popular"] for item in answer["items"])
    trending = pannier("recommend", "--store", store, "--user", user, "--policy", "seasonal", "--json").json
    assert trending["policy"] == "personal" and trending["fallback"]
    words = pannier("recommend", "--store", store, "--user", user, "--explain").out
    assert "because of " in words and any(row["name"] in words for row in items.values())
    session = ",".join(list(items)[:2])
    viewed = pannier("recommend", "--store", store, "--session", session, "--policy", "recently_viewed", "--explain").out
    assert "looked at lately" in viewed and "answered by: recently_viewed" in viewed
    category = items[answer["items"][0]["item"]]["category"]
    inside = pannier("recommend", "--store", store, "--user", user, "--category", category, "--seen", "keep", "--json").json["items"]
    assert inside and all((items[item["item"]]["category"] + "/").startswith(category + "/") for item in inside)
    like = pannier("similar", "--store", store, "--item", answer["items"][0]["item"], "--explain").out
    assert "like " + items[answer["items"][0]["item"]]["name"][:20] in like
    refused = pannier("recommend", "--store", store, "--user", user, "--category", category + "s")
    assert refused.code == 1 and "did you mean " + category + "?" in refused.err
    assert pannier("recommend", "--store", store, "--user", user, "--policy", "hot").code == 2


def test_similar_items(pannier, store):
    item = pannier("recommend", "--store", store, "--user", "x", "-n", 1, "--json").json["items"][0]["item"]
    answer = pannier("similar", "--store", store, "--item", item, "-n", 5, "--json").json
    assert len(answer["items"]) == 5 and item not in {other["item"] for other in answer["items"]}
    done = pannier("similar", "--store", store, "--item", "no-such-item")
    assert done.code == 1 and "no-such-item" in done.err


def test_text_output_names_the_items(pannier, shop, store):
    done = pannier("recommend", "--store", store, "--user", first_user(shop), "-n", 3)
    assert done.code == 0 and done.out.count("\n") == 4 and "answered by: personal" in done.out


def test_a_file_of_requests_is_answered_line_by_line(pannier, store, tmp_path):
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"op":"recommend","user":"x","n":3}\n\n{"op":"recommend","user":"y","n":2}\n')
    done = pannier("recommend", "--store", store, "--requests", requests, "-o", tmp_path / "answers.jsonl", "--json")
    assert done.code == 0 and done.json["requests"] == 2
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [len(answer["items"]) for answer in answers] == [3, 2]
    assert len(pannier("recommend", "--store", store, "--requests", requests, "--json").json["answers"]) == 2
    piped = pannier("recommend", "--store", store, "--requests", "-", "--json", text_in=requests.read_text())
    assert piped.code == 0 and len(piped.json["answers"]) == 2
    piped = pannier("recommend", "--store", store, "--requests", "-", text_in='{"op":"recommend","usr":"y"}\n')
    assert piped.code == 1 and "standard input:1" in piped.err
    requests.write_text('{"op":"recommend","user":"x","n":3}\n{"op":"recommend","usr":"y"}\n')
    done = pannier("recommend", "--store", store, "--requests", requests, "-o", tmp_path / "other.jsonl")
    assert done.code == 1 and f"{requests}:2" in done.err and "usr" in done.err
    # What stands before the bad line is answered, wherever the answers go.
    assert [len(json.loads(line)["items"]) for line in (tmp_path / "other.jsonl").read_text().splitlines()] == [3]
    printed = pannier("recommend", "--store", store, "--requests", requests)
    assert printed.code == 1 and len(json.loads(printed.out)["items"]) == 3
    printed = pannier("recommend", "--store", store, "--requests", requests, "--json")
    assert printed.code == 1 and len(printed.json["answers"]) == 1 and json.loads(printed.err)["error"]["where"].startswith(f"{requests}:2")


def test_generations_are_shown_rolled_back_and_pruned(pannier, shop, config, tmp_path):
    store = tmp_path / "store"
    for _ in range(3):
        assert pannier("train", "--store", store, "--events", shop / "events.csv", "--config", config).code == 0
    shown = pannier("inspect", "--store", store, "--json").json
    ids = [generation["id"] for generation in shown["generations"]]
    assert len(ids) == 3 and shown["current"] == ids[-1]
    assert shown["generations"][1]["parent"] == ids[0]
    assert pannier("rollback", "--store", store, "--json").json["current"] == ids[1]
    assert pannier("recommend", "--store", store, "--user", "x", "--json").json["generation"] == ids[1]
    done = pannier("rollback", "--store", store, "--generation", "00000099")
    assert done.code == 1 and "00000099" in done.err
    assert pannier("prune", "--store", store, "--keep", 1, "--json").json["removed"] == [ids[0]]
    assert pannier("verify", "--store", store).code == 0


def test_an_erased_person_is_a_stranger(pannier, shop, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    user = first_user(shop)
    dry = pannier("erase", "--store", copy, "--user", user, "--dry-run", "--json").json
    assert dry["known"] and dry["events"] > 0 and dry["dry_run"]
    assert pannier("recommend", "--store", copy, "--user", user, "--json").json["policy"] == "personal"
    receipt = pannier("erase", "--store", copy, "--user", user, "--json").json
    assert receipt["events"] == dry["events"] and not receipt["dry_run"]
    assert pannier("recommend", "--store", copy, "--user", user, "--json").json["policy"] == "popular"
    assert pannier("erase", "--store", copy, "--user", user, "--json").json["known"] is False


def test_whatever_names_a_person_is_erased(pannier, config, tmp_path):
    lines = [f"2024-05-0{day}T10:00:00Z,view_item,{who},i{day}" for day in range(1, 8) for who in ("u1,,", "u2,,", ",v1,", ",,s1")]
    (tmp_path / "events.csv").write_text("\n".join(["time,kind,user,visitor,session,item", *lines]) + "\n")
    store = tmp_path / "store"
    assert pannier("train", "--store", store, "--events", tmp_path / "events.csv", "--config", config).code == 0
    for sort, person in (("user", "u1"), ("visitor", "v1"), ("session", "s1")):
        receipt = pannier("erase", "--store", store, f"--{sort}", person, "--json").json
        assert receipt["sort"] == sort and receipt["known"] and receipt["events"] == 7 and receipt["overwritten"], receipt
    assert pannier("inspect", "--store", store, "--json").json["people"]["events"] == 7
    assert pannier("erase", "--store", store, "--user", "u2", "--session", "s1").code == 2
    assert pannier("erase", "--store", store, "--session", "").code == 2


def test_a_read_only_store_serves_and_refuses_by_name(pannier, shop, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in copy.rglob("*"))
    answer = pannier("recommend", "--store", copy, "--user", first_user(shop), "--read-only", "--json").json
    assert answer["policy"] == "personal"
    requests = tmp_path / "record.jsonl"
    requests.write_text(json.dumps({"op": "record", "user": "u", "kind": "view_item", "item": "x", "time": "2024-01-01"}) + "\n")
    done = pannier("recommend", "--store", copy, "--requests", requests, "--read-only", "--json")
    assert done.code == 1 and json.loads(done.err)["error"]["code"] == "read_only"
    assert sorted((path.name, path.stat().st_mtime_ns) for path in copy.rglob("*")) == before


def test_a_recorded_click_changes_the_next_answer(pannier, store, tmp_path):
    copy = tmp_path / "store"
    shutil.copytree(store, copy)
    item = pannier("recommend", "--store", copy, "--user", "newcomer", "-n", 1, "--json").json["items"][0]["item"]
    requests = tmp_path / "requests.jsonl"
    requests.write_text("\n".join(json.dumps(line) for line in [
        {"op": "record", "user": "newcomer", "kind": "view_item", "item": item, "time": "2024-06-01T10:00:00Z"},
        {"op": "recommend", "user": "newcomer", "n": 5}]) + "\n")
    answers = pannier("recommend", "--store", copy, "--requests", requests, "--json").json["answers"]
    assert answers[1]["policy"] == "personal" and item not in {other["item"] for other in answers[1]["items"]}


def test_evaluate_reports_what_interface_promises(pannier, shop, tmp_path):
    done = pannier("evaluate", "--model", "ials", "--events", shop / "events.csv", "--last-out", "--set", "factors=4",
                   "--set", "epochs=2", "--at", "5,20", "-o", tmp_path / "ranks.csv", "--json")
    assert done.code == 0, done.err
    answer = done.json
    for cutoff in (5, 20):
        for metric in ("recall", "recall_min", "ndcg", "hr", "mrr", "map", "coverage", "novelty", "diversity", "gini"):
            assert f"{metric}@{cutoff}" in answer["metrics"]
        for metric in ("ndcg", "recall", "hr", "map"):
            low, high = answer["interval"][f"{metric}@{cutoff}"]
            assert low <= answer["metrics"][f"{metric}@{cutoff}"] <= high
    assert set(answer["slices"]) == {"new_users", "tail_items"} and answer["diversity_by"] == "people"
    assert answer["config"]["factors"] == 4 and answer["seed"] == 42 and answer["threads"] >= 1
    assert set(answer["skipped"]) == {"unknown_items", "empty_users"} and set(answer["seconds"]) == {"fit", "recommend"}
    ranks = list(csv.DictReader(open(tmp_path / "ranks.csv")))
    hits = sum(int(row["held_out"]) for row in ranks)
    people = len({row["row"] for row in ranks})
    assert people > 0 and hits / people == pytest.approx(answer["metrics"]["recall@20"], abs=1e-6)


def test_evaluate_keeps_and_leaves_out_seen_items_alike_in_metrics_and_ranks(pannier, shop, tmp_path):
    purchases = [row for row in csv.DictReader(open(shop / "events.csv", newline="")) if row["kind"] == "purchase" and row["user"]]
    cut = sorted(row["time"] for row in purchases)[len(purchases) * 3 // 4]
    before = {(row["user"], row["item"]) for row in purchases if row["time"] < cut}
    for seen in ("exclude", "keep"):
        done = pannier("evaluate", "--model", "item_knn", "--events", shop / "events.csv", "--items", shop / "items.csv", "--split", cut,
                       "--seen", seen, "-o", tmp_path / "ranks.csv", "--json")
        assert done.code == 0, done.err
        answer = done.json
        assert answer["seen"] == seen and answer["diversity_by"] == "category" and answer["trained_until"] < answer["tested_from"]
        ranks = list(csv.DictReader(open(tmp_path / "ranks.csv")))
        hit = {row["row"] for row in ranks if row["held_out"] == "1"}
        assert len(hit) / (answer["users"] - answer["skipped"]["empty_users"]) == pytest.approx(answer["metrics"]["hr@20"], abs=1e-9)
        items = {row["item"] for row in csv.DictReader(open(shop / "items.csv", newline=""))}
        assert {row["item"] for row in ranks} <= items
        if seen == "exclude":
            fewer = answer["positions"]
    assert before and answer["positions"] > fewer


def test_evaluate_reads_the_lightgcn_format(pannier, tmp_path):
    (tmp_path / "train.txt").write_text("0 0 1\n1 0 2\n2 0\n")
    (tmp_path / "test.txt").write_text("0 2\n1 1\n2 1\n")
    done = pannier("evaluate", "--model", "popular", "--train", tmp_path / "train.txt", "--test", tmp_path / "test.txt",
                   "--format", "lightgcn", "--at", "1", "--json")
    # Popularity 3, 1, 1: without what they have, 0 gets 2, 1 gets 1, 2 gets 1 (ties by index).
    assert done.json["metrics"]["recall@1"] == 1 and done.json["users"] == 3 and done.json["items"] == 3


def test_strong_generalisation_holds_people_out_in_whole(pannier, shop, tmp_path):
    lines = [f"{user} " + " ".join(str(item) for item in range(30) if (user * 7 + item * 11) % 5 < 2 or item % 3 == user % 3) for user in range(80)]
    (tmp_path / "train.txt").write_text("\n".join(lines) + "\n")
    cells = sum(len(line.split()) - 1 for line in lines)
    call = ["evaluate", "--model", "item_knn", "--train", tmp_path / "train.txt", "--format", "lightgcn", "--protocol", "strong", "--json"]
    told = pannier(*call, "--holdout-users", ".25", "--fold-in", ".5", "--at", "5,10").json
    assert told["users"] == 80 and told["protocol"] == "strong" and told["holdout_users"] == 0.25 and told["fold_in"] == 0.5 and told["holdout_seed"] == 42
    # Of the people held out nothing is trained on, and half of what they have is to be found.
    held_out = cells - told["interactions"]
    assert 0 < told["positions"] and abs(told["positions"] - held_out / 2) <= 80 * 0.5
    assert told["metrics"]["recall@10"] > 0 and told["metrics"]["recall_min@5"] >= told["metrics"]["recall@5"]
    same = pannier(*call, "--holdout-users", ".25", "--fold-in", ".5", "--at", "5,10").json
    assert same["metrics"] == told["metrics"]
    assert pannier(*call, "--holdout-users", ".25", "--fold-in", ".5", "--at", "5,10", "--seed", 7).json["metrics"] != told["metrics"]
    events = pannier("evaluate", "--model", "ials", "--set", "factors=8", "--events", shop / "events.csv", "--protocol", "strong", "--json").json
    assert events["positions"] > 0 and events["interactions"] > 0
    for option, text in (("--test", "t.txt"), ("--last-out", None), ("--seen", "keep")):
        refused = pannier(*call[:-1], option, *([text] if text else []))
        assert refused.code == 2 and "--protocol strong" in refused.err
    refused = pannier("evaluate", "--model", "popular", "--train", tmp_path / "train.txt", "--format", "lightgcn", "--last-out", "--fold-in", ".5")
    assert refused.code == 2 and "--fold-in: has no meaning beside --protocol weak" in refused.err


def test_evaluate_refuses_by_name(pannier, shop):
    events = ["--events", shop / "events.csv", "--last-out"]
    done = pannier("evaluate", "--model", "ial", *events)
    assert done.code == 2 and "ials" in done.err
    done = pannier("evaluate", "--model", "ials", *events, "--set", "factor=8")
    assert done.code == 2 and "factors" in done.err
    done = pannier("evaluate", "--model", "ials", *events, "--set", "factors=0")
    assert done.code == 2 and "factors" in done.err and "4096" in done.err


def test_simulate_is_repeatable_and_tells_the_truth(pannier, shop, tmp_path):
    assert pannier("simulate", "-o", tmp_path, "--users", 120, "--items", 60, "--days", 120, "--seed", 7).code == 0
    for file in ("events.csv", "items.csv", "users.csv", "truth.json"):
        assert (tmp_path / file).read_bytes() == (shop / file).read_bytes()
    truth = json.loads((shop / "truth.json").read_text())
    assert truth["seed"] == 7 and len(truth["users"]) == 120 and len(truth["items"]) == 60 and "seasons" in truth
    assert set(truth["users"][0]) >= {"user", "segment", "taste", "rate", "dropout"}
    assert set(truth["items"][0]) >= {"item", "category", "taste"}


def test_the_demo_runs_on_a_users_file(pannier, shop, tmp_path):
    done = pannier("demo", "--folder", tmp_path, "--events", shop / "events.csv", "--items", shop / "items.csv")
    assert done.code == 0, done.err
    for text in ("Training", "Recommended to", "Similar to", "into the cart", "median", "report.html"):
        assert text in done.out
    assert ElementTree.parse(tmp_path / "report.html").getroot().tag == "html"


def test_the_demos_own_shop_answers_nearly_everybody_personally(pannier, tmp_path):
    done = pannier("demo", "--folder", tmp_path)
    assert done.code == 0, done.err
    assert float(re.search(r"([0-9.]+) % of them got a personal answer", done.out)[1]) >= 95
    quality = {line.split()[0]: float(line.split()[2]) for line in done.out.splitlines() if line.strip().startswith(("popular ", "item_knn ", "ials "))}
    assert quality["item_knn"] > 1.5 * quality["popular"] and quality["ials"] > 1.5 * quality["popular"]


def test_a_demo_that_fails_leaves_the_store_that_was_there(pannier, shop, tmp_path):
    arguments = ["--folder", tmp_path, "--users", 20, "--products", 20, "--days", 20]
    done = pannier("demo", *arguments, "--json")
    assert done.code == 0 and done.json["train"]["generation"] == "00000001"
    before = (tmp_path / "store" / "people.sqlite").read_bytes()
    bad = tmp_path / "bad.csv"
    bad.write_text("time,kind,user,item\nyesterday,view_item,u,i\n")
    for more in (["--events", tmp_path / "none.csv"], ["--events", bad], ["--config", bad], ["--report", tmp_path / "none" / "x.html"]):
        assert pannier("demo", *arguments, *more).code == 1
        assert (tmp_path / "store" / "people.sqlite").read_bytes() == before
        assert not list(tmp_path.glob("store.new*"))
    (tmp_path / "other" / "store").mkdir(parents=True)
    (tmp_path / "other" / "store" / "letter.txt").write_text("kept")
    refused = pannier("demo", "--folder", tmp_path / "other")
    assert refused.code == 1 and "is no store" in refused.err and (tmp_path / "other" / "store" / "letter.txt").read_text() == "kept"


def test_output_goes_through_links_and_into_pipes(pannier, store, tmp_path):
    target, link, pipe = tmp_path / "answer.json", tmp_path / "link", tmp_path / "pipe"
    target.write_text("old")
    link.symlink_to(target)
    assert pannier("recommend", "--store", store, "--user", "u1", "-o", link).code == 0
    assert link.is_symlink() and "generation" in target.read_text()
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True)
    assert pannier("recommend", "--store", store, "--user", "u1", "-o", pipe).code == 0
    assert "generation" in reader.communicate(timeout=60)[0] and pipe.is_fifo()


def test_empty_paths_and_contradictions_are_refused(pannier, shop, tmp_path):
    assert "store: is an empty path" in pannier("train", "--store", "", "--events", shop / "events.csv").err
    assert "--events: is empty" in pannier("train", "--store", tmp_path / "s", "--events", "").err
    for more in (["--split", "2025-02-01", "--last-out"], ["--last-out", "--train", "a"], ["--last-out", "--test", "b"]):
        done = pannier("evaluate", "--model", "popular", "--events", shop / "events.csv", *more)
        assert done.code == 2 and "has no meaning beside" in done.err
    assert pannier("simulate", "-o", tmp_path / "x", "--users", 0).code == 2
    nothing = tmp_path / "nothing.csv"
    nothing.write_text("time,kind,user,item,price\n2024-01-01,view_item,u,i,nan\n")
    done = pannier("train", "--store", tmp_path / "s", "--events", nothing, "--on-error", "skip")
    assert done.code == 1 and "left out 1 of 1 lines: bad_price" in done.err and not (tmp_path / "s").exists()


def test_an_id_that_is_no_utf8_is_refused(store):
    done = subprocess.run([os.environ["PANNIER_CLI"], "recommend", "--store", store, "--user", b"u\xff"], capture_output=True, timeout=60)
    assert done.returncode == 1 and b"request.user: is no UTF-8" in done.stderr


def test_evaluate_and_the_demo_tell_what_they_noted(pannier, tmp_path):
    lines = ["time,kind,user,item,price"] + [f"2024-01-{1 + n % 28:02},purchase,u{n % 9},{'tea' if n % 2 else 'TEA'}{n % 5},{n % 3}" for n in range(80)]
    (tmp_path / "events.csv").write_text("\n".join(lines) + "\n")
    done = pannier("evaluate", "--model", "popular", "--events", tmp_path / "events.csv", "--last-out", "--seen", "keep", "--json")
    assert done.json["noted"]["zero_price"] == 27 and any("--fold-case" in text for text in done.json["proposals"])
    assert "--fold-case item" in pannier("demo", "--folder", tmp_path / "demo", "--events", tmp_path / "events.csv").out
