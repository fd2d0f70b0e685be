// Store and Engine.
#include <pybind11/stl.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "bind.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/train.hpp"
#include "pannier/store/store.hpp"

namespace pannier::python {
namespace {

/// An answer as Python sees it. Lists are made when they are first asked for, and kept.
class Page {
 public:
  explicit Page(py::object bytes) : keeper(std::move(bytes)) {}

  py::object keeper;  ///< The generation's bytes, where the engine serves bytes.
  serve::Response response;

  py::object items() {
    return kept(items_, [this] {
      py::list list(response.items().size());
      for (std::size_t slot = 0; slot < response.items().size(); ++slot) list[slot] = to_str(response.item_id(slot));
      return list;
    });
  }
  py::object names() {
    return kept(names_, [this] {
      py::list list(response.items().size());
      for (std::size_t slot = 0; slot < response.items().size(); ++slot) list[slot] = to_str(response.item_name(slot));
      return list;
    });
  }
  py::object scores() {
    return kept(scores_, [this] {
      return py::array_t<float>(static_cast<py::ssize_t>(response.scores().size()), response.scores().data());
    });
  }
  py::object keys() {
    return kept(keys_, [this] {
      return py::array_t<std::uint64_t>(static_cast<py::ssize_t>(response.keys().size()),
                                        reinterpret_cast<const std::uint64_t*>(response.keys().data()));
    });
  }
  /// A list a slot of (item, weight, kind, name).
  py::object reasons() {
    return kept(reasons_, [this] {
      const auto make = py::module_::import("pannier._serving").attr("Reason");
      py::list list(response.items().size());
      for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
        py::list of_slot;
        for (const auto& reason : response.reasons(slot))
          of_slot.append(make(to_str(response.reason_id(reason)), reason.weight, to_str(serve::name(reason.kind)), to_str(response.reason_name(reason))));
        list[slot] = of_slot;
      }
      return list;
    });
  }

 private:
  template <class Make>
  static py::object kept(py::object& place, const Make& make) {
    if (!place) place = make();
    return place;
  }
  py::object items_, names_, scores_, keys_, reasons_;
};

/// An engine and the warm workspaces of its threads; the list is touched under the interpreter lock only.
class PyEngine {
 public:
  PyEngine(std::shared_ptr<serve::Engine> engine, py::object keeper) : keeper_(std::move(keeper)), engine_(std::move(engine)) {}

  [[nodiscard]] serve::Engine& engine() const noexcept { return *engine_; }

  std::unique_ptr<Page> answer(serve::Op op, const py::object& user, const py::object& visitor, const py::object& session,
                               const py::object& items, std::uint32_t count, bool exclude_seen, bool exclude_bought,
                               std::int64_t time_us, bool explain, const py::object& page, const py::object& policy,
                               const py::object& category) {
    Borrowed workspace(*this);
    to_keys(session, "session", workspace->session);
    to_keys(items, "items", workspace->items);
    const serve::Request request{.op = op,
                                 .user = to_given_text(user, "user"),
                                 .visitor = to_given_text(visitor, "visitor"),
                                 .session = workspace->session,
                                 .items = workspace->items,
                                 .count = count,
                                 .exclude_seen = exclude_seen,
                                 .exclude_bought = exclude_bought,
                                 .time_us = time_us,
                                 .explain = explain,
                                 .page = to_given_text(page, "page"),
                                 .policy = to_policy(policy),
                                 .category = to_given_text(category, "category")};
    auto answered = std::make_unique<Page>(keeper_);
    {
      const py::gil_scoped_release unlocked;
      engine_->answer(request, workspace->workspace, answered->response);
    }
    return answered;
  }

  py::str call_json(const py::object& request) {
    Borrowed workspace(*this);
    const auto text = to_text(request, "request");
    std::string answered;
    {
      const py::gil_scoped_release unlocked;
      answered = engine_->call_json(text, workspace->workspace, workspace->response);
    }
    return to_str(answered);
  }

 private:
  struct Scratch {
    serve::EngineWorkspace workspace;
    serve::Response response;
    std::vector<ItemKey> session, items;
  };
  /// Takes a workspace from the list, or makes one, and gives it back.
  class Borrowed {
   public:
    explicit Borrowed(PyEngine& owner) : owner_(owner) {
      if (owner.spare_.empty()) {
        scratch_ = std::make_unique<Scratch>();
      } else {
        scratch_ = std::move(owner.spare_.back());
        owner.spare_.pop_back();
      }
    }
    ~Borrowed() { owner_.spare_.push_back(std::move(scratch_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Scratch* operator->() const noexcept { return scratch_.get(); }

   private:
    PyEngine& owner_;
    std::unique_ptr<Scratch> scratch_;
  };

  static serve::Policy to_policy(const py::object& given) {
    if (given.is_none()) return serve::Policy::personal;
    const auto text = to_given_text(given, "policy");
    const auto policy = serve::policy_named(text);
    if (!policy || *policy == serve::Policy::none || *policy == serve::Policy::together)
      throw Error(ErrorCode::invalid_argument, "policy", "is '" + std::string(text) + "'",
                  "personal, similar, popular, trending, seasonal, buy_again or recently_viewed");
    return *policy;
  }

  static void to_keys(const py::object& ids, std::string_view name, std::vector<ItemKey>& keys) {
    keys.clear();
    if (ids.is_none()) return;
    if (PyUnicode_Check(ids.ptr()) != 0)
      throw Error(ErrorCode::invalid_argument, std::string(name), "is one text", "a list of item ids");
    const auto list = py::reinterpret_steal<py::object>(PySequence_Fast(ids.ptr(), ""));
    if (!list) {
      PyErr_Clear();
      throw Error(ErrorCode::invalid_argument, std::string(name), std::string("is of type ") + Py_TYPE(ids.ptr())->tp_name,
                  "a list of item ids");
    }
    const auto count = PySequence_Fast_GET_SIZE(list.ptr());
    for (Py_ssize_t i = 0; i < count; ++i) {
      const py::handle id = PySequence_Fast_GET_ITEM(list.ptr(), i);
      const auto text = to_text(id, name);
      if (text.empty())
        throw Error(ErrorCode::invalid_argument, std::string(name) + "[" + std::to_string(i) + "]",
                    id.is_none() ? "is None" : "is \"\"", "an item id: a text that is not empty");
      keys.push_back(item_key(text));
    }
  }

  py::object keeper_;
  std::shared_ptr<serve::Engine> engine_;
  std::vector<std::unique_ptr<Scratch>> spare_;
};

serve::EngineOptions to_options(const py::object& clock, std::size_t history_limit, bool full_check, std::uint64_t request_seed) {
  serve::EngineOptions options;
  options.history_limit = history_limit;
  options.request_seed = request_seed;
  options.check = full_check ? model::Check::full : model::Check::structure;
  if (!clock.is_none()) {
    // The engine may be let go of without the interpreter lock: the clock is given back under it.
    const std::shared_ptr<py::object> kept(new py::object(clock), [](py::object* held) {
      const py::gil_scoped_acquire locked;
      delete held;
    });
    options.clock = [kept] {
      const py::gil_scoped_acquire locked;
      return (*kept)().cast<std::int64_t>();
    };
  }
  return options;
}

/// A request's id as the JSON answers write it.
py::str hexadecimal(std::uint64_t id) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(id));
  return to_str(text);
}

py::list to_list(const std::vector<std::string>& texts) {
  py::list list;
  for (const auto& text : texts) list.append(to_str(text));
  return list;
}

py::object train(store::Store& store, const std::vector<std::string>& events, const std::string& items, const std::vector<std::string>& users,
                 const std::map<std::string, std::string>& import, const std::vector<std::string>& drop_items, const std::string& vectors, std::string_view config,
                 int threads, py::object progress) {
  const auto attempt = store.attempt();  // Also what is refused before the training begins.
  serve::TrainInputs inputs;
  for (const auto& file : events) inputs.events.emplace_back(file);
  inputs.items = items;
  inputs.vectors = vectors;
  for (const auto& file : users) inputs.users.emplace_back(file);
  const auto text = [&](const char* name) {
    const auto found = import.find(name);
    return found == import.end() ? std::string() : found->second;
  };
  inputs.import = data::import_options({.map = text("map"),
                                        .kind = text("kind"),
                                        .kinds = text("kinds"),
                                        .time_unit = text("time_unit"),
                                        .utc_offset = text("utc_offset"),
                                        .on_error = text("on_error"),
                                        .refund_prefix = text("refund_prefix"),
                                        .fold_case = text("fold_case"),
                                        .rate = text("rate"),
                                        .drop_items = text("drop_items")});
  inputs.import.drop_items.insert(inputs.import.drop_items.end(), drop_items.begin(), drop_items.end());
  const auto train_config = serve::train_config_from_json(config, "config");

  LongCall call(threads, std::move(progress));
  const auto report = call.run([&](const FitControl& control) { return serve::train(store, inputs, train_config, control); });

  return py::module_::import("json").attr("loads")(to_str(serve::to_json(report)));
}

void bind_store(py::module_& module) {
  using store::Store;
  py::class_<Store, std::shared_ptr<Store>>(module, "Store")
      .def(py::init([](const std::string& folder, int mode) {
        const py::gil_scoped_release unlocked;
        return Store::open(std::filesystem::path(folder), static_cast<Store::Mode>(mode));
      }))
      .def_property_readonly("folder", [](const Store& store) { return py::bytes(store.folder().string()); })
      .def_property_readonly("read_only", &Store::read_only)
      .def("generations", [](const Store& store) { return to_list(store.generations()); })
      .def("current", [](const Store& store) -> py::object {
        const auto current = store.current();
        return current ? py::object(to_str(*current)) : py::none();
      })
      .def("rollback", [](Store& store, const py::object& id) {
        const std::string text(to_given_text(id, "generation"));
        std::string now;
        {
          const py::gil_scoped_release unlocked;
          now = store.rollback(text.empty() ? std::optional<std::string>() : text);
        }
        return to_str(now);
      })
      .def("prune", [](Store& store, std::size_t keep) {
        std::vector<std::string> gone;
        {
          const py::gil_scoped_release unlocked;
          gone = store.prune(keep);
        }
        return to_list(gone);
      })
      .def("attributes", [](const Store& store, const py::object& user) {
        const auto text = to_text(user, "user");
        if (text.empty()) throw Error(ErrorCode::invalid_argument, "user", "is empty", "the id of a user");
        std::vector<store::PersonAttribute> found;
        {
          const py::gil_scoped_release unlocked;
          found = store.people().attributes(user_key(PersonSort::user, text));
        }
        py::dict result;
        for (const auto& attribute : found) {
          const auto name = to_str(attribute.name);
          if (!result.contains(name)) result[name] = py::dict();
          result[name][to_str(attribute.source)] = to_str(attribute.value);
        }
        return result;
      })
      .def("verify", [](const Store& store) {
        store::VerifyReport report;
        {
          const py::gil_scoped_release unlocked;
          report = store.verify();
        }
        const auto told = [](bool ok, const std::vector<std::string>& errors) {
          return py::dict(py::arg("ok") = ok, py::arg("errors") = to_list(errors));
        };
        py::list generations;
        auto current = told(true, {});
        for (const auto& check : report.generations) {
          auto generation = told(check.ok, check.errors);
          generation["id"] = to_str(check.id);
          if (check.id == "CURRENT") current = told(check.ok, check.errors);
          else generations.append(generation);
        }
        return py::dict(py::arg("generations") = generations, py::arg("current") = current, py::arg("people") = told(report.people_ok, report.people_errors));
      });
  module.def("train", &train);
}

void bind_engine(py::module_& module) {
  using serve::Op;
  using serve::Policy;
  py::class_<Page>(module, "Page", "A ranked answer: the items and why they were chosen.")
      .def_property_readonly("items", &Page::items, "The shop's ids, best first.")
      .def_property_readonly("names", &Page::names, "The items' names, empty where the shop gave none.")
      .def_property_readonly("scores", &Page::scores, "float32.")
      .def_property_readonly("keys", &Page::keys, "The items' 64-bit keys.")
      .def_property_readonly("reasons", &Page::reasons, "For each item why it is there: 1 to 3 reasons, largest share first; empty unless asked to explain.")
      .def_property_readonly("policy", [](const Page& page) { return to_str(serve::name(page.response.policy())); },
                             "Which step answered: personal, similar, popular, together, trending, seasonal, buy_again, recently_viewed, none.")
      .def_property_readonly("fallback", [](const Page& page) { return page.response.fallback(); },
                             "True where another step answered than the one asked for first.")
      .def_property_readonly("generation", [](const Page& page) { return to_str(page.response.generation()); },
                             "The generation that answered.")
      .def_property_readonly("request_id", [](const Page& page) { return hexadecimal(page.response.request_id()); },
                             "Joins later events to this answer.")
      .def_property_readonly("microseconds", [](const Page& page) { return page.response.microseconds(); })
      .def("__len__", [](const Page& page) { return page.response.items().size(); })
      .def("__repr__", [](Page& page) {
        return py::str("Page(policy={!r}, items={!r})").format(to_str(serve::name(page.response.policy())), page.items());
      });

  py::class_<PyEngine>(module, "Engine")
      .def_static("open",
                  [](const std::shared_ptr<store::Store>& store, const py::object& clock, std::size_t history_limit, bool full_check,
                     std::uint64_t request_seed) {
                    auto options = to_options(clock, history_limit, full_check, request_seed);
                    std::shared_ptr<serve::Engine> engine;
                    {
                      const py::gil_scoped_release unlocked;
                      engine = serve::Engine::open(store, std::move(options));
                    }
                    return std::make_unique<PyEngine>(std::move(engine), py::none());
                  })
      .def_static("open_bytes",
                  [](const py::bytes& bytes, const py::object& clock, std::size_t history_limit, bool full_check,
                     std::uint64_t request_seed) {
                    auto options = to_options(clock, history_limit, full_check, request_seed);
                    const std::string_view view = bytes;
                    std::shared_ptr<serve::Engine> engine;
                    {
                      const py::gil_scoped_release unlocked;
                      engine = serve::Engine::open(std::as_bytes(std::span(view)), std::move(options));
                    }
                    return std::make_unique<PyEngine>(std::move(engine), bytes);
                  })
      .def("recommend",
           [](PyEngine& self, const py::object& user, const py::object& visitor, const py::object& session,
              const py::object& items, std::uint32_t count, bool exclude_seen, bool exclude_bought, std::int64_t time_us,
              bool explain, const py::object& page, const py::object& policy, const py::object& category) {
             return self.answer(Op::recommend, user, visitor, session, items, count, exclude_seen, exclude_bought, time_us,
                                explain, page, policy, category);
           })
      .def("together",
           [](PyEngine& self, const py::object& items, std::uint32_t count, std::int64_t time_us, bool explain,
              const py::object& page, const py::object& category) {
             return self.answer(Op::together, py::none(), py::none(), py::none(), items, count, true, false, time_us, explain, page,
                                py::none(), category);
           })
      .def("similar",
           [](PyEngine& self, const py::object& items, std::uint32_t count, std::int64_t time_us, bool explain,
              const py::object& page, const py::object& category) {
             return self.answer(Op::similar, py::none(), py::none(), py::none(), items, count, true, false, time_us, explain, page,
                                py::none(), category);
           })
      .def("call_json", &PyEngine::call_json)
      .def("reload",
           [](PyEngine& self) {
             const py::gil_scoped_release unlocked;
             return self.engine().reload();
           })
      .def("erase",
           [](PyEngine& self, int sort, const py::object& id) {
             const auto text = to_text(id, "id");
             store::EraseReceipt receipt;
             {
               const py::gil_scoped_release unlocked;
               receipt = self.engine().erase(static_cast<PersonSort>(sort), text);
             }
             py::dict result;
             result["known"] = receipt.known;
             result["events"] = receipt.events;
             result["attributes"] = receipt.attributes;
             result["time"] = to_str(format_time(receipt.time_us));
             result["overwritten"] = receipt.overwritten;
             return result;
           })
      .def("item_name",
           [](const PyEngine& self, const py::object& id) -> py::object {
             const auto item = self.engine().item(item_key(to_text(id, "item")));
             return item ? py::object(to_str(item->name)) : py::none();
           })
      .def("set_stock",
           [](PyEngine& self, const py::object& id, double units) {
             const auto text = to_text(id, "item");
             const py::gil_scoped_release unlocked;
             self.engine().set_stock(text, units);
           })
      .def("upsert_items",
           [](PyEngine& self, const py::list& given) {
             std::vector<data::CatalogItem> items;
             for (const auto& entry : given) {
               auto& item = items.emplace_back();
               for (const auto& [key, field] : entry.cast<py::dict>()) {
                 const auto name = key.cast<std::string>();
                 if (name == "price") item.price = field.cast<double>();
                 else if (name == "stock") item.stock = field.cast<double>();
                 else {
                   const std::string text(to_text(field, name));
                   if (name == "item") item.id = text;
                   else if (name == "name") item.name = text;
                   else if (name == "category") item.category = text;
                   else if (name == "brand") item.brand = text;
                   else if (name == "image") item.image = text;
                   else item.attributes.emplace_back(name, text);
                 }
               }
             }
             const py::gil_scoped_release unlocked;
             self.engine().upsert_items(items);
           })
      .def("item", [](const PyEngine& self, const py::object& id) -> py::object {
        const auto item = self.engine().item(item_key(to_text(id, "item")));
        if (!item) return py::none();
        const auto known = [](double number) { return number == number ? py::object(py::float_(number)) : py::object(py::none()); };
        py::dict result;
        result["item"] = to_str(item->id);
        result["name"] = to_str(item->name);
        result["price"] = known(item->price);
        result["stock"] = known(item->stock);
        result["trained"] = item->trained;
        return result;
      })
      .def_property_readonly("generation", [](const PyEngine& self) { return to_str(self.engine().generation()->info().id); })
      .def_property_readonly("item_count", [](const PyEngine& self) { return self.engine().generation()->items().size(); });
}

}  // namespace

void bind_serving(py::module_& module) {
  bind_store(module);
  bind_engine(module);
}

}  // namespace pannier::python
