// The requests through the C interface.
//
//     parity_c structs STORE REQUESTS OUT        by pnr_engine_recommend()
//     parity_c json STORE REQUESTS OUT           by pnr_engine_call_json()
#include "answer.hpp"
#include "pannier.h"

namespace {

void check(pnr_status status, const pnr_error& error) {
  if (status != PNR_OK)
    throw std::runtime_error(std::string(pnr_status_name(status)) + ": " + error.where + ": " + error.what);
}

pnr_text text(const std::string& value) { return {value.data(), value.size()}; }

std::vector<std::uint64_t> keys(const std::vector<std::string>& ids) {
  std::vector<std::uint64_t> list;
  for (const auto& id : ids) list.push_back(pnr_item_key(id.data(), id.size()));
  return list;
}

std::string_view borrowed(const char* data, std::size_t length) { return {data, length}; }

std::string by_structs(const pnr_engine* engine, const parity::Asked& asked, pnr_response* response) {
  pnr_error error;
  pnr_request request;
  pnr_request_init(&request, sizeof request);
  const auto session = keys(asked.session), items = keys(asked.items);
  request.op = asked.op == "similar" ? PNR_OP_SIMILAR : asked.op == "together" ? PNR_OP_TOGETHER : PNR_OP_RECOMMEND;
  request.user = text(asked.user);
  request.visitor = text(asked.visitor);
  request.session = session.data();
  request.session_count = session.size();
  request.items = items.data();
  request.item_count = items.size();
  request.count = asked.count;
  request.exclude_seen = asked.exclude_seen;
  request.exclude_bought = asked.exclude_bought;
  request.time_us = asked.time_us;
  request.explain = asked.explain;
  request.page = text(asked.page);
  while (asked.policy != pnr_policy_name(request.policy)) request.policy = (request.policy + 1) % 9;
  request.category = text(asked.category);
  check(pnr_engine_recommend(engine, &request, response, &error), error);
  parity::Line line(pnr_policy_name(pnr_response_policy(response)));
  for (std::size_t slot = 0; slot < pnr_response_count(response); ++slot) {
    std::size_t length = 0;
    const char* id = pnr_response_id(response, slot, &length);
    if (pnr_item_key(id, length) != pnr_response_keys(response)[slot]) throw std::runtime_error("a key is not its id's");
    line.item(borrowed(id, length), pnr_response_scores(response)[slot]);
    for (std::size_t reason = 0; reason < pnr_response_reason_count(response, slot); ++reason) {
      id = pnr_response_reason_id(response, slot, reason, &length);
      line.reason(pnr_reason_kind_name(pnr_response_reason_kind(response, slot, reason)), borrowed(id, length));
    }
  }
  return line.take();
}

std::string by_json(pnr_engine* engine, const parity::Asked& asked) {
  pnr_error error;
  std::string out(1 << 20, '\0');
  std::size_t needed = 0;
  check(pnr_engine_call_json(engine, asked.line.data(), asked.line.size(), out.data(), out.size(), &needed, &error), error);
  return parity::line_of(std::string_view(out).substr(0, needed));
}

void answer(const std::string& door, const std::string& folder, const std::string& requests, const std::string& out) {
  pnr_error error;
  pnr_store* store = nullptr;
  pnr_engine* engine = nullptr;
  pnr_response* response = nullptr;
  check(pnr_store_open(folder.data(), folder.size(), PNR_MODE_READ_ONLY, &store, &error), error);
  check(pnr_engine_open(store, nullptr, &engine, &error), error);
  check(pnr_response_create(&response, &error), error);
  std::ofstream file(out, std::ios::binary);
  for (const auto& asked : parity::read_requests(requests))
    file << (door == "json" ? by_json(engine, asked) : by_structs(engine, asked, response));
  pnr_response_free(response);
  pnr_engine_free(engine);
  pnr_store_free(store);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 4 && (arguments[0] == "structs" || arguments[0] == "json"))
      return answer(arguments[0], arguments[1], arguments[2], arguments[3]), 0;
  } catch (const std::exception& error) {
    std::cerr << "parity_c: " << error.what() << '\n';
    return 1;
  }
  return 2;
}
