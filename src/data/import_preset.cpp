#include "data/import_preset.hpp"

#include <algorithm>
#include <array>

namespace pannier::data {
namespace {

using enum EventField;
using Kind = std::pair<std::string_view, EventKind>;

// Google Analytics 4, BigQuery export: one row an event, exported as JSON lines.
constexpr std::array ga4_fields = {
    PresetField{time, "event_timestamp"},
    PresetField{kind, "event_name"},
    PresetField{user, "user_id"},
    PresetField{visitor, "user_pseudo_id"},
    PresetField{session, "user_pseudo_id+event_params.ga_session_id"},  // The session's number alone is not unique.
    PresetField{order, "ecommerce.transaction_id|event_params.transaction_id"},
    PresetField{item, "event_params.item_id", "item_id|item_name"},
    PresetField{item_name, "", "item_name"},
    PresetField{quantity, "", "quantity"},
    PresetField{price, "", "price"},
    PresetField{currency, "event_params.currency", "currency"},
    PresetField{value, "event_params.value|ecommerce.purchase_revenue"},
    PresetField{query, "event_params.search_term"},
    PresetField{page, "event_params.page_location"},
    PresetField{device, "device.category"},
    PresetField{country, "geo.country"},
    PresetField{channel, "collected_traffic_source.manual_source|traffic_source.source"},
};
constexpr std::array<std::string_view, 1> ga4_items = {"items"};
constexpr std::array ga4_kinds = {
    Kind{"view_item", EventKind::view_item},           Kind{"add_to_cart", EventKind::add_to_cart},
    Kind{"remove_from_cart", EventKind::remove_from_cart}, Kind{"purchase", EventKind::purchase},
    Kind{"ecommerce_purchase", EventKind::purchase},   Kind{"refund", EventKind::refund},
    Kind{"search", EventKind::search},                 Kind{"view_search_results", EventKind::search},
    Kind{"view_item_list", EventKind::view_item_list}, Kind{"select_item", EventKind::select_item},
    Kind{"add_to_wishlist", EventKind::add_to_wishlist}, Kind{"begin_checkout", EventKind::begin_checkout},
    Kind{"view_promotion", EventKind::view_promotion}, Kind{"select_promotion", EventKind::select_promotion},
    Kind{"view_cart", EventKind::view_cart},           Kind{"share", EventKind::share},
};

// Segment, track calls of the e-commerce spec (versions 1 and 2), raw JSON lines.
constexpr std::array segment_fields = {
    PresetField{event_id, "messageId"},
    PresetField{time, "timestamp|originalTimestamp|receivedAt"},
    PresetField{kind, "event|type"},
    PresetField{user, "userId"},
    PresetField{visitor, "anonymousId"},
    PresetField{order, "properties.order_id|properties.orderId"},
    PresetField{item, "properties.product_id|properties.sku|properties.id", "product_id|sku|id"},
    PresetField{item_name, "properties.name", "name"},
    PresetField{quantity, "properties.quantity", "quantity"},
    PresetField{price, "properties.price", "price"},
    PresetField{currency, "properties.currency", "currency"},
    PresetField{value, "properties.rating|properties.value|properties.total|properties.revenue"},
    PresetField{position, "properties.position", "position"},
    PresetField{query, "properties.query"},
    PresetField{page, "context.page.url"},
    PresetField{device, "context.device.type"},
    PresetField{country, "context.location.country"},
    PresetField{channel, "context.campaign.source"},
};
constexpr std::array<std::string_view, 1> segment_items = {"properties.products"};
constexpr std::array segment_kinds = {
    Kind{"Product Viewed", EventKind::view_item},         Kind{"Viewed Product", EventKind::view_item},
    Kind{"Product Added", EventKind::add_to_cart},        Kind{"Added Product", EventKind::add_to_cart},
    Kind{"Product Removed", EventKind::remove_from_cart}, Kind{"Removed Product", EventKind::remove_from_cart},
    Kind{"Order Completed", EventKind::purchase},         Kind{"Completed Order", EventKind::purchase},
    Kind{"Order Refunded", EventKind::refund},            Kind{"Order Cancelled", EventKind::refund},
    Kind{"Products Searched", EventKind::search},         Kind{"Product List Viewed", EventKind::view_item_list},
    Kind{"Product List Filtered", EventKind::view_item_list}, Kind{"Viewed Product Category", EventKind::view_item_list},
    Kind{"Product Clicked", EventKind::select_item},      Kind{"Cart Viewed", EventKind::view_cart},
    Kind{"Checkout Started", EventKind::begin_checkout},  Kind{"Product Added to Wishlist", EventKind::add_to_wishlist},
    Kind{"Promotion Viewed", EventKind::view_promotion},  Kind{"Promotion Clicked", EventKind::select_promotion},
    Kind{"Product Shared", EventKind::share},             Kind{"Product Reviewed", EventKind::rate},
};

// Google's Retail API (Vertex AI Search for commerce), UserEvent as JSON lines.
constexpr std::array google_retail_fields = {
    PresetField{time, "eventTime"},
    PresetField{kind, "eventType"},
    PresetField{user, "userInfo.userId"},
    PresetField{visitor, "visitorId"},
    PresetField{session, "sessionId"},
    PresetField{order, "purchaseTransaction.id"},
    PresetField{item, "", "product.id|id"},
    PresetField{item_name, "", "product.title"},
    PresetField{quantity, "", "quantity"},
    PresetField{price, "", "product.priceInfo.price"},
    PresetField{currency, "purchaseTransaction.currencyCode", "product.priceInfo.currencyCode"},
    PresetField{value, "purchaseTransaction.revenue"},
    PresetField{query, "searchQuery"},
    PresetField{page, "uri"},
};
constexpr std::array<std::string_view, 1> google_retail_items = {"productDetails"};
constexpr std::array google_retail_kinds = {
    Kind{"detail-page-view", EventKind::view_item},      Kind{"add-to-cart", EventKind::add_to_cart},
    Kind{"remove-from-cart", EventKind::remove_from_cart}, Kind{"purchase-complete", EventKind::purchase},
    Kind{"search", EventKind::search},                   Kind{"shopping-cart-page-view", EventKind::view_cart},
    Kind{"category-page-view", EventKind::view_item_list},
};

// Amazon Personalize, item interactions: CSV. The words for kinds are the shop's own; these are the documentation's.
constexpr std::array personalize_fields = {
    PresetField{time, "TIMESTAMP"},
    PresetField{kind, "EVENT_TYPE"},
    PresetField{user, "USER_ID"},
    PresetField{item, "ITEM_ID"},
    PresetField{value, "EVENT_VALUE"},
    PresetField{device, "DEVICE"},
    PresetField{country, "LOCATION"},
    PresetField{request_id, "RECOMMENDATION_ID"},
};
constexpr std::array personalize_kinds = {
    Kind{"View", EventKind::view_item},         Kind{"view", EventKind::view_item},
    Kind{"Click", EventKind::view_item},        Kind{"click", EventKind::view_item},
    Kind{"AddToCart", EventKind::add_to_cart},  Kind{"Purchase", EventKind::purchase},
    Kind{"Rating", EventKind::rate},            Kind{"rating", EventKind::rate},
};

// Snowplow: enriched events as the analytics SDKs and warehouses give them, JSON lines. Entities stand in arrays; older loaders
// write the whole version behind the name.
constexpr std::array snowplow_fields = {
    PresetField{event_id, "event_id"},
    PresetField{time, "derived_tstamp|collector_tstamp"},
    PresetField{kind, "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1.type|"
                      "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_2.type|"
                      "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_1.type|"
                      "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1_0_0.type|event_name|event"},
    PresetField{user, "user_id"},
    PresetField{visitor, "domain_userid|network_userid"},
    PresetField{session, "domain_sessionid"},
    PresetField{order, "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1[0].transaction_id|"
                       "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1_0_0[0].transaction_id|"
                       "contexts_com_snowplowanalytics_snowplow_ecommerce_refund_1[0].transaction_id|"
                       "contexts_com_snowplowanalytics_snowplow_ecommerce_refund_1_0_0[0].transaction_id|ti_orderid"},
    PresetField{item, "ti_sku", "id"},
    PresetField{item_name, "ti_name", "name"},
    PresetField{quantity, "ti_quantity", "quantity"},
    PresetField{price, "ti_price", "price"},
    PresetField{currency, "ti_currency", "currency"},
    PresetField{value, "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1[0].revenue|"
                       "contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1_0_0[0].revenue"},
    PresetField{position, "", "position"},
    PresetField{query, "unstruct_event_com_snowplowanalytics_snowplow_site_search_1.terms[0]|"
                       "unstruct_event_com_snowplowanalytics_snowplow_site_search_1_0_0.terms[0]"},
    PresetField{page, "page_url"},
    PresetField{device, "dvce_type"},
    PresetField{country, "geo_country"},
    PresetField{channel, "mkt_source|refr_source"},
};
constexpr std::array<std::string_view, 2> snowplow_items = {"contexts_com_snowplowanalytics_snowplow_ecommerce_product_1",
                                                            "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1_0_0"};
constexpr std::array snowplow_kinds = {
    Kind{"product_view", EventKind::view_item},    Kind{"add_to_cart", EventKind::add_to_cart},
    Kind{"remove_from_cart", EventKind::remove_from_cart}, Kind{"transaction", EventKind::purchase},
    Kind{"transaction_item", EventKind::purchase}, Kind{"refund", EventKind::refund},
    Kind{"list_view", EventKind::view_item_list},  Kind{"list_click", EventKind::select_item},
    Kind{"promo_view", EventKind::view_promotion}, Kind{"promo_click", EventKind::select_promotion},
    Kind{"checkout_step", EventKind::begin_checkout}, Kind{"site_search", EventKind::search},
};

constexpr std::array<Preset, 5> presets = {{
    {.name = "ga4", .fields = ga4_fields, .item_arrays = ga4_items, .kinds = ga4_kinds, .time_unit = TimeUnit::microseconds, .absent = "(not set)"},
    {.name = "segment", .fields = segment_fields, .item_arrays = segment_items, .kinds = segment_kinds},
    {.name = "google-retail", .fields = google_retail_fields, .item_arrays = google_retail_items, .kinds = google_retail_kinds},
    {.name = "personalize", .fields = personalize_fields, .item_arrays = {}, .kinds = personalize_kinds, .time_unit = TimeUnit::seconds, .closed = false},
    {.name = "snowplow", .fields = snowplow_fields, .item_arrays = snowplow_items, .kinds = snowplow_kinds},
}};

constexpr std::array<std::string_view, 5> names = {"ga4", "segment", "google-retail", "personalize", "snowplow"};

}  // namespace

const Preset* find_preset(std::string_view name) noexcept {
  const auto found = std::find_if(presets.begin(), presets.end(), [&](const auto& preset) { return preset.name == name; });
  return found == presets.end() ? nullptr : &*found;
}

std::span<const std::string_view> preset_names() noexcept { return names; }

}  // namespace pannier::data
