#include "guard.hpp"
#include "handles.hpp"

namespace {

const char* borrow(std::string_view text, size_t* length) noexcept {
  if (length != nullptr) *length = text.size();
  // An empty text still has a place, so that NULL says "no such slot" alone.
  return text.data() == nullptr ? "" : text.data();
}

const char* nothing(size_t* length) noexcept {
  if (length != nullptr) *length = 0;
  return nullptr;
}

bool has(const pnr_response* response, size_t slot) noexcept {
  return response != nullptr && slot < response->value.items().size();
}

const pannier::serve::AnswerReason* find_reason(const pnr_response* response, size_t slot, size_t reason) noexcept {
  if (!has(response, slot)) return nullptr;
  const auto reasons = response->value.reasons(slot);
  return reason < reasons.size() ? &reasons[reason] : nullptr;
}

}  // namespace

extern "C" {

pnr_status pnr_response_create(pnr_response** response, pnr_error* error) {
  return pannier::c::guard(error, [&] {
    pannier::c::require(response, "response");
    *response = new pnr_response;
  });
}

size_t pnr_response_count(const pnr_response* response) { return response == nullptr ? 0 : response->value.items().size(); }

const uint64_t* pnr_response_keys(const pnr_response* response) {
  // ItemKey is a 64-bit number with a type of its own.
  return response == nullptr ? nullptr : reinterpret_cast<const uint64_t*>(response->value.keys().data());
}

const float* pnr_response_scores(const pnr_response* response) {
  return response == nullptr ? nullptr : response->value.scores().data();
}

const char* pnr_response_id(const pnr_response* response, size_t slot, size_t* length) {
  return has(response, slot) ? borrow(response->value.item_id(slot), length) : nothing(length);
}

const char* pnr_response_name(const pnr_response* response, size_t slot, size_t* length) {
  return has(response, slot) ? borrow(response->value.item_name(slot), length) : nothing(length);
}

float pnr_response_propensity(const pnr_response* response, size_t slot) {
  return has(response, slot) ? response->value.items()[slot].propensity : 0.0f;
}

size_t pnr_response_reason_count(const pnr_response* response, size_t slot) {
  return has(response, slot) ? response->value.reasons(slot).size() : 0;
}

bool pnr_response_reason(const pnr_response* response, size_t slot, size_t reason, uint64_t* key, float* weight) {
  const auto* found = find_reason(response, slot, reason);
  if (found == nullptr) return false;
  if (key != nullptr) *key = value(found->key);
  if (weight != nullptr) *weight = found->weight;
  return true;
}

const char* pnr_response_reason_id(const pnr_response* response, size_t slot, size_t reason, size_t* length) {
  const auto* found = find_reason(response, slot, reason);
  return found == nullptr ? nothing(length) : borrow(response->value.reason_id(*found), length);
}

const char* pnr_response_reason_name(const pnr_response* response, size_t slot, size_t reason, size_t* length) {
  const auto* found = find_reason(response, slot, reason);
  return found == nullptr ? nothing(length) : borrow(response->value.reason_name(*found), length);
}

pnr_reason_kind pnr_response_reason_kind(const pnr_response* response, size_t slot, size_t reason) {
  const auto* found = find_reason(response, slot, reason);
  return found == nullptr ? -1 : static_cast<pnr_reason_kind>(found->kind);
}

pnr_policy pnr_response_policy(const pnr_response* response) {
  return response == nullptr ? PNR_POLICY_NONE : static_cast<pnr_policy>(response->value.policy());
}

bool pnr_response_fallback(const pnr_response* response) { return response != nullptr && response->value.fallback(); }

const char* pnr_response_generation(const pnr_response* response, size_t* length) {
  return response == nullptr ? nothing(length) : borrow(response->value.generation(), length);
}

uint64_t pnr_response_request_id(const pnr_response* response) { return response == nullptr ? 0 : response->value.request_id(); }

float pnr_response_microseconds(const pnr_response* response) {
  return response == nullptr ? 0.0f : response->value.microseconds();
}

void pnr_response_free(pnr_response* response) { delete response; }

}  // extern "C"
