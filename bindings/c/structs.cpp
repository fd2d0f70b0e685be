// The plain values of the C interface: statuses, names, keys, and the defaults of its structs.
#include <cstring>
#include <limits>

#include "guard.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/version.hpp"
#include "pannier/data/event.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/store/store.hpp"

namespace {

using pannier::ErrorCode;
using pannier::data::Consent;
using pannier::data::EventKind;
using pannier::serve::Op;
using pannier::serve::Policy;
using pannier::serve::ReasonKind;

template <class Enum>
constexpr bool same(Enum ours, int theirs) { return static_cast<int>(ours) == theirs; }

static_assert(same(ErrorCode::ok, PNR_OK) && same(ErrorCode::invalid_argument, PNR_INVALID_ARGUMENT) &&
              same(ErrorCode::not_found, PNR_NOT_FOUND) && same(ErrorCode::malformed_input, PNR_MALFORMED_INPUT) &&
              same(ErrorCode::io_failure, PNR_IO_FAILURE) && same(ErrorCode::numerical_failure, PNR_NUMERICAL_FAILURE) &&
              same(ErrorCode::cancelled, PNR_CANCELLED) && same(ErrorCode::out_of_memory, PNR_OUT_OF_MEMORY) &&
              same(ErrorCode::unsupported, PNR_UNSUPPORTED) && same(ErrorCode::read_only, PNR_READ_ONLY) &&
              same(ErrorCode::buffer_too_small, PNR_BUFFER_TOO_SMALL) && same(ErrorCode::internal, PNR_INTERNAL));
static_assert(same(EventKind::view_item, PNR_VIEW_ITEM) && same(EventKind::add_to_cart, PNR_ADD_TO_CART) &&
              same(EventKind::remove_from_cart, PNR_REMOVE_FROM_CART) && same(EventKind::purchase, PNR_PURCHASE) &&
              same(EventKind::refund, PNR_REFUND) && same(EventKind::search, PNR_SEARCH) &&
              same(EventKind::view_item_list, PNR_VIEW_ITEM_LIST) && same(EventKind::select_item, PNR_SELECT_ITEM) &&
              same(EventKind::dwell, PNR_DWELL) && same(EventKind::add_to_wishlist, PNR_ADD_TO_WISHLIST) &&
              same(EventKind::begin_checkout, PNR_BEGIN_CHECKOUT) && same(EventKind::view_promotion, PNR_VIEW_PROMOTION) &&
              same(EventKind::select_promotion, PNR_SELECT_PROMOTION) && same(EventKind::view_cart, PNR_VIEW_CART) &&
              same(EventKind::rate, PNR_RATE) && same(EventKind::share, PNR_SHARE) &&
              pannier::data::event_kind_limit == PNR_SHARE + 1);
static_assert(same(Consent::unknown, PNR_CONSENT_UNKNOWN) && same(Consent::none, PNR_CONSENT_NONE) &&
              same(Consent::essential, PNR_CONSENT_ESSENTIAL) &&
              same(Consent::personalization, PNR_CONSENT_PERSONALIZATION) && same(Consent::all, PNR_CONSENT_ALL));
static_assert(same(Policy::none, PNR_POLICY_NONE) && same(Policy::personal, PNR_POLICY_PERSONAL) &&
              same(Policy::similar, PNR_POLICY_SIMILAR) && same(Policy::popular, PNR_POLICY_POPULAR) &&
              same(Policy::together, PNR_POLICY_TOGETHER) && same(Policy::trending, PNR_POLICY_TRENDING) && same(Policy::seasonal, PNR_POLICY_SEASONAL) &&
              same(Policy::buy_again, PNR_POLICY_BUY_AGAIN) && same(Policy::recently_viewed, PNR_POLICY_RECENTLY_VIEWED));
static_assert(same(ReasonKind::because_of, PNR_REASON_BECAUSE_OF) && same(ReasonKind::buy_again, PNR_REASON_BUY_AGAIN) &&
              same(ReasonKind::popular, PNR_REASON_POPULAR) && same(ReasonKind::trending, PNR_REASON_TRENDING) &&
              same(ReasonKind::seasonal, PNR_REASON_SEASONAL) && same(ReasonKind::similar_to, PNR_REASON_SIMILAR_TO) &&
              same(ReasonKind::bought_with, PNR_REASON_BOUGHT_WITH) &&
              same(ReasonKind::recently_viewed, PNR_REASON_RECENTLY_VIEWED));
static_assert(same(Op::recommend, PNR_OP_RECOMMEND) && same(Op::similar, PNR_OP_SIMILAR) && same(Op::together, PNR_OP_TOGETHER));
static_assert(same(pannier::store::Store::Mode::create, PNR_MODE_CREATE) &&
              same(pannier::store::Store::Mode::read_write, PNR_MODE_READ_WRITE) &&
              same(pannier::store::Store::Mode::read_only, PNR_MODE_READ_ONLY));
static_assert(same(pannier::PersonSort::user, PNR_PERSON_USER) && same(pannier::PersonSort::visitor, PNR_PERSON_VISITOR) &&
              same(pannier::PersonSort::session, PNR_PERSON_SESSION));

// The layouts of version 0.1, on which programs in the field rely: without holes, but for padding at an end.
static_assert(sizeof(void*) != 8 ||
              (sizeof(pnr_error) == 1028 && sizeof(pnr_text) == 16 && sizeof(pnr_control) == 32 &&
               sizeof(pnr_train_options) == 128 && pannier::c::first_size<pnr_train_options> == 96 &&
               sizeof(pnr_train_report) == 144 && pannier::c::first_size<pnr_train_report> == 112 && sizeof(pnr_engine_options) == 48 &&
               sizeof(pnr_request) == 136 && pannier::c::first_size<pnr_request> == 112 && sizeof(pnr_event) == 288 &&
               sizeof(pnr_item) == 104 && sizeof(pnr_csr) == 56 && sizeof(pnr_ask) == 40));

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

}  // namespace

namespace pannier::c {

// Each begins as zeros, so that padding is defined too.
template <class T>
static T zeroed() noexcept {
  T value;
  std::memset(static_cast<void*>(&value), 0, sizeof value);
  value.struct_size = sizeof value;
  return value;
}

template <>
pnr_control defaults() noexcept { return zeroed<pnr_control>(); }
template <>
pnr_train_options defaults() noexcept { return zeroed<pnr_train_options>(); }
template <>
pnr_train_report defaults() noexcept { return zeroed<pnr_train_report>(); }
template <>
pnr_csr defaults() noexcept { return zeroed<pnr_csr>(); }
template <>
pnr_engine_options defaults() noexcept {
  auto value = zeroed<pnr_engine_options>();
  value.history_limit = serve::EngineOptions{}.history_limit;
  return value;
}
template <>
pnr_request defaults() noexcept {
  auto value = zeroed<pnr_request>();
  value.count = serve::Request{}.count;
  value.exclude_seen = true;
  value.policy = PNR_POLICY_PERSONAL;
  return value;
}
template <>
pnr_event defaults() noexcept {
  auto value = zeroed<pnr_event>();
  value.quantity = 1;
  value.price = unknown;
  value.value = unknown;
  value.dwell_ms = -1;
  value.position = -1;
  value.slot = -1;
  return value;
}
template <>
pnr_item defaults() noexcept {
  auto value = zeroed<pnr_item>();
  value.price = unknown;
  value.stock = unknown;
  return value;
}
template <>
pnr_ask defaults() noexcept {
  auto value = zeroed<pnr_ask>();
  value.count = model::Ask{}.count;
  value.threads = 1;
  value.exclude_history = true;
  return value;
}

template <class T>
static void init(T* out, std::size_t size) noexcept {
  const T known = defaults<T>();
  init_struct(out, size, &known, sizeof known);
}

}  // namespace pannier::c

extern "C" {

const char* pnr_status_name(pnr_status status) {
  if (status < PNR_OK || status > PNR_INTERNAL) return "unknown";
  return pannier::name(static_cast<ErrorCode>(status)).data();
}

const char* pnr_policy_name(pnr_policy policy) {
  if (policy < PNR_POLICY_NONE || policy > PNR_POLICY_RECENTLY_VIEWED) return "unknown";
  return pannier::serve::name(static_cast<Policy>(policy)).data();
}

const char* pnr_reason_kind_name(pnr_reason_kind kind) {
  if (kind < PNR_REASON_BECAUSE_OF || kind > PNR_REASON_RECENTLY_VIEWED) return "unknown";
  return pannier::serve::name(static_cast<ReasonKind>(kind)).data();
}

const char* pnr_version(void) { return pannier::library_version().data(); }

uint64_t pnr_item_key(const char* id, size_t length) {
  return value(pannier::item_key(id == nullptr ? std::string_view{} : std::string_view(id, length)));
}

void pnr_control_init(pnr_control* control, size_t struct_size) { pannier::c::init(control, struct_size); }
void pnr_train_options_init(pnr_train_options* options, size_t struct_size) { pannier::c::init(options, struct_size); }
void pnr_train_report_init(pnr_train_report* report, size_t struct_size) { pannier::c::init(report, struct_size); }
void pnr_engine_options_init(pnr_engine_options* options, size_t struct_size) { pannier::c::init(options, struct_size); }
void pnr_request_init(pnr_request* request, size_t struct_size) { pannier::c::init(request, struct_size); }
void pnr_event_init(pnr_event* event, size_t struct_size) { pannier::c::init(event, struct_size); }
void pnr_item_init(pnr_item* item, size_t struct_size) { pannier::c::init(item, struct_size); }
void pnr_csr_init(pnr_csr* csr, size_t struct_size) { pannier::c::init(csr, struct_size); }
void pnr_ask_init(pnr_ask* ask, size_t struct_size) { pannier::c::init(ask, struct_size); }

}  // extern "C"
