#include <algorithm>
#include <bit>
#include <fstream>

#include "pannier/core/error.hpp"
#include "pannier/data/simulate.hpp"
#include "pannier/serve/train.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

serve::TrainReport train_users(store::Store& store, std::vector<std::filesystem::path> events, std::vector<std::filesystem::path> users,
                               data::OnError on_error = data::OnError::stop) {
  serve::TrainInputs inputs;
  inputs.events = std::move(events);
  inputs.users = std::move(users);
  inputs.import.on_error = on_error;
  return serve::train(store, inputs, serve::train_config_from_json(test::quick_config, "config"), test::one_thread());
}

std::string said(const store::Store& store, std::string_view id) {
  std::string text;
  for (const auto& [name, source, value] : store.people().attributes(user_key(PersonSort::user, id))) text += name + "(" + source + ")=" + value + " ";
  return text;
}

/// What a generation answers to every item and to nobody: ids and score bits.
std::string answers_of(const std::shared_ptr<store::Store>& store) {
  const auto engine = serve::Engine::open(store);
  const auto generation = engine->generation();
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::string out;
  const auto add = [&](const serve::Request& request) {
    engine->answer(request, workspace, response);
    out += std::string(name(response.policy())) + ':';
    for (std::size_t slot = 0; slot < response.items().size(); ++slot)
      out += ' ' + std::string(response.item_id(slot)) + '=' + std::to_string(std::bit_cast<std::uint32_t>(response.items()[slot].score));
    out += '\n';
  };
  add({});
  for (std::uint32_t i = 0; i < generation->items().size(); ++i) {
    const auto key = generation->items().key(ItemIndex{i});
    serve::Request similar, session;
    similar.op = serve::Op::similar;
    similar.items = {&key, 1};
    session.session = {&key, 1};
    add(similar);
    add(session);
  }
  return out;
}

constexpr std::string_view crm = "user,source,city,age\nu1,crm,Bern,41\nu2,crm,Rome,\nstranger,crm,Oslo,30\nu1,shop,Basel,\n";

}  // namespace

TEST_CASE("train: users files are kept beside the events, each source's word by itself, and counted", "[serve][train][users]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto events = folder.write("events.csv", test::csv(test::two_tastes()));
  const auto first = train_users(*store, {events}, {folder.write("crm.csv", crm), folder.write("more.csv", "user,city\nu1,Thun\n")});
  CHECK((first.people.read == 5 && first.people.kept == 5 && first.people.changed == 5 && first.people.with_events == 4));
  CHECK((first.people.dropped.empty() && first.people.proposals.empty()));
  CHECK(said(*store, "u1") == "age(crm)=41 city(crm)=Bern city(more.csv)=Thun city(shop)=Basel ");
  CHECK(said(*store, "stranger") == "age(crm)=30 city(crm)=Oslo ");
  CHECK(first.users == 40);  // A stranger without events is none of the people trained on.
  CHECK(serve::to_json(first).find("\"people\":{\"read\":5,\"kept\":5,\"changed\":5,\"with_events\":4,\"dropped\":{},\"proposals\":[]}") != std::string::npos);

  // Again, and alone: nothing new, another generation of the same events.
  const auto again = train_users(*store, {events}, {folder / "crm.csv", folder / "more.csv"});
  CHECK((again.duplicates == first.ingested && again.people.kept == 5 && again.people.changed == 0));
  const auto alone = train_users(*store, {}, {folder.write("crm.csv", "user,source,city,age\nu1,crm,Bonn,\n")});
  CHECK((alone.read == 0 && alone.people.changed == 1));
  CHECK(said(*store, "u1") == "city(crm)=Bonn city(more.csv)=Thun city(shop)=Basel ");
  CHECK(store->generations().size() == 3);
  CHECK(store->verify().ok());
}

TEST_CASE("train: users files change no model and stand in no generation", "[serve][train][users]") {
  const Folder folder, other;
  const auto events = folder.write("events.csv", test::csv(test::two_tastes()));
  const auto with = test::open_store(folder), without = test::open_store(other);
  train_users(*with, {events}, {folder.write("crm.csv", "user,note\nu1,a most private remark\n")});
  train_users(*without, {events}, {});
  CHECK(answers_of(with) == answers_of(without));
  CHECK(answers_of(with).find("personal: i") != std::string::npos);
  const auto file = test::bytes_of(with->folder() / "generations" / "00000001.pnr");
  const std::string_view secret = "private remark";
  const auto wanted = std::as_bytes(std::span(secret));
  CHECK(std::search(file.begin(), file.end(), wanted.begin(), wanted.end()) == file.end());
  CHECK(said(*with, "u1") == "note(crm.csv)=a most private remark ");
}

TEST_CASE("train: a bad users file takes in nothing, neither people nor events; skipped lines are counted by cause", "[serve][train][users]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto events = folder.write("events.csv", test::csv(test::two_tastes()));
  const auto bad = folder.write("crm.csv", "user,city\nu1,Bern\n,Rome\nu1,Oslo\nu2,Bonn\n");
  const auto refusal = [&](const std::filesystem::path& file, data::OnError on_error) -> std::string {
    try {
      train_users(*store, {events}, {file}, on_error);
    } catch (const Error& error) {
      return error.what();
    }
    return "trained";
  };
  CHECK_THAT(refusal(bad, data::OnError::stop), Contains("crm.csv:3:user: is empty"));
  CHECK_THAT(refusal(folder.write("other.csv", "users,city\na,b\n"), data::OnError::skip), Contains("did you mean users?"));
  CHECK_THAT(refusal(folder / "absent.csv", data::OnError::skip), Contains("absent.csv"));
  CHECK_FALSE(std::filesystem::exists(folder / "store"));  // Made for this training, taken back with it.
  // People alone are no shop.
  CHECK_THAT([&] {
    try {
      train_users(*store, {}, {folder.write("fine.csv", "user,city\nu1,Bern\n")});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("trained");
  }(), Contains("hold no event"));
  CHECK_FALSE(std::filesystem::exists(folder / "store"));

  // A store that is there stays as it was, whichever file is bad.
  train_users(*store, {events}, {folder / "fine.csv"});
  const auto before = store->people().last_sequence();
  const auto more = folder.write("more.csv", test::csv({{.time_us = test::now_us, .kind = "purchase", .user = "new", .item = "i1"}}));
  const auto refused_again = [&] {
    try {
      train_users(*store, {more}, {folder.write("good.csv", "user,city\nu2,Thun\n"), bad});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("trained");
  };
  CHECK_THAT(refused_again(), Contains("crm.csv:3:user: is empty"));
  CHECK((store->people().last_sequence() == before && store->generations().size() == 1));
  CHECK((said(*store, "u2").empty() && said(*store, "u1") == "city(fine.csv)=Bern "));

  const auto report = train_users(*store, {events}, {bad, folder.write("two.csv", "user,city\n,x\nu3,y\n")}, data::OnError::skip);
  CHECK((report.people.read == 6 && report.people.kept == 3));
  REQUIRE(report.people.dropped.size() == 2);
  CHECK(report.people.dropped.at("missing_person").lines == 2);
  CHECK_THAT(report.people.dropped.at("missing_person").example, Contains("crm.csv:3:user"));
  CHECK(report.people.dropped.at("duplicate_user").lines == 1);
  CHECK(said(*store, "u1") == "city(crm.csv)=Bern city(fine.csv)=Bern ");
}

TEST_CASE("train: a users file of which nobody has an event is wondered at", "[serve][train][users]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto events = folder.write("events.csv", test::csv(test::two_tastes()));
  for (int time = 0; time < 2; ++time) {
    const auto report = train_users(*store, {events}, {folder.write("crm.csv", "user,city\nU1,Bern\nU2,Rome\n")});
    REQUIRE(report.people.proposals.size() == 1);
    CHECK_THAT(report.people.proposals[0], Contains("none of the people of crm.csv has an event"));
  }
}

TEST_CASE("train: the simulated shop's users are those of its events", "[serve][train][users]") {
  const Folder folder;
  data::simulate_shop(folder / "shop", {.users = 60, .items = 30, .days = 60, .seed = 3}, {});
  const auto store = test::open_store(folder);
  const auto report = train_users(*store, {folder / "shop" / "events.csv"}, {folder / "shop" / "users.csv"});
  CHECK((report.people.kept == report.people.read && report.people.kept > 40 && report.people.dropped.empty() && report.people.proposals.empty()));
  CHECK(report.people.with_events * 10 > report.people.kept * 8);
  CHECK(store->people().people_with_attributes() == report.people.kept);
}
