#include "data/no_products.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "data/field_text.hpp"
#include "pannier/core/ids.hpp"

namespace pannier::data {
namespace {

/// strong: hardly a product's name holds it. The others count only where the whole name is made of such words.
struct Entry {
  std::string_view words;
  bool strong = true;
};

constexpr bool weak = false;
/// In small letters, sorted by nothing: the index below sorts them.
constexpr Entry entries[] = {
    // English
    {"postage"}, {"shipping"}, {"p&p"}, {"postage and packing"}, {"freight"}, {"shipping costs"}, {"delivery charge"}, {"delivery cost"}, {"delivery fee"}, {"delivery", weak}, {"carriage", weak},
    {"handling", weak}, {"packing", weak}, {"courier", weak}, {"insurance", weak}, {"fee"}, {"fees"}, {"surcharge"}, {"commission"}, {"bank charge"}, {"bank charges"}, {"charge", weak}, {"charges", weak},
    {"bank", weak}, {"service charge"}, {"cash on delivery"}, {"cod", weak}, {"discount"}, {"discounts"}, {"rebate"}, {"adjustment"}, {"adjustments"}, {"adjust", weak}, {"bad debt"}, {"write off"},
    {"rounding", weak}, {"rounding difference"}, {"manual", weak}, {"manual entry"}, {"manual line"}, {"entry", weak}, {"voucher"}, {"vouchers"}, {"gift voucher"}, {"gift vouchers"}, {"gift card", weak},
    {"gift cards", weak}, {"gift certificate"}, {"gift wrapping", weak}, {"store credit"}, {"credit note"}, {"credit", weak}, {"refund"}, {"coupon"}, {"sample", weak}, {"samples", weak}, {"free sample"},
    {"free samples"}, {"test", weak}, {"test product"}, {"test item"}, {"test article"}, {"deposit", weak}, {"tip", weak}, {"tax", weak}, {"vat", weak}, {"donation", weak}, {"costs", weak},
    // German
    {"versand"}, {"versandkosten"}, {"versandkostenpauschale"}, {"versandpauschale"}, {"versandkostenanteil"}, {"porto"}, {"lieferkosten"}, {"fracht"}, {"frachtkosten"}, {"verpackung", weak}, {"nachnahme"},
    {"nachnahmegebühr"}, {"gebühr"}, {"gebuehr"}, {"gebühren"}, {"gebuehren"}, {"bearbeitungsgebühr"}, {"bearbeitungsgebuehr"}, {"bankgebühren"}, {"rabatt"}, {"nachlass"}, {"skonto"}, {"gutschein"},
    {"geschenkgutschein"}, {"gutschrift"}, {"korrektur"}, {"rundung", weak}, {"rundungsdifferenz"}, {"muster", weak}, {"testartikel"}, {"testprodukt"}, {"mindermengenzuschlag"}, {"zuschlag"}, {"pfand", weak}, {"trinkgeld"},
    // French
    {"frais de port"}, {"frais de livraison"}, {"frais d envoi"}, {"frais d expédition"}, {"frais"}, {"livraison"}, {"expédition"}, {"remise"}, {"réduction", weak}, {"bon d achat"}, {"chèque cadeau"},
    {"carte cadeau", weak}, {"avoir", weak}, {"échantillon"}, {"échantillons"}, {"ajustement"}, {"port", weak},
    // Spanish
    {"gastos de envío"}, {"gastos de envio"}, {"gastos"}, {"envío"}, {"envio"}, {"descuento"}, {"comisión"}, {"vale regalo"}, {"cupón"}, {"ajuste"}, {"muestra", weak}, {"muestras", weak}, {"portes"},
    // Italian
    {"spese di spedizione"}, {"spedizione"}, {"spese", weak}, {"sconto"}, {"buono regalo"}, {"buono sconto"}, {"commissione"}, {"campione", weak}, {"rettifica"},
    // Dutch
    {"verzendkosten"}, {"verzending"}, {"bezorgkosten"}, {"korting"}, {"cadeaubon"}, {"toeslag"}, {"correctie"}, {"monster", weak},
    // Portuguese
    {"frete"}, {"custos de envio"}, {"desconto"}, {"vale presente"}, {"taxa"}, {"amostra", weak},
    // Swedish
    {"frakt"}, {"fraktkostnad"}, {"presentkort", weak}, {"avgift"}, {"expeditionsavgift"}, {"varuprov"},
    // Polish
    {"koszt wysyłki"}, {"koszty wysyłki"}, {"wysyłka"}, {"przesyłka"}, {"dostawa"}, {"opłata"}, {"bon podarunkowy"}, {"korekta"}, {"próbka", weak},
};
constexpr std::string_view fillers[] = {"a", "and", "d", "de", "der", "die", "for", "für", "of", "on", "the", "to", "und", "x", "eur", "gbp", "usd"};

/// The entries sorted by their words, and where each first byte begins.
struct Index {
  std::vector<Entry> sorted{std::begin(entries), std::end(entries)};
  std::array<std::uint32_t, 257> begin{};
  Index() {
    // Longest first within a first byte, so that the first match is the longest.
    std::sort(sorted.begin(), sorted.end(), [](const Entry& a, const Entry& b) {
      const auto first = [](const Entry& e) { return static_cast<unsigned char>(e.words[0]); };
      return first(a) != first(b) ? first(a) < first(b) : a.words.size() != b.words.size() ? a.words.size() > b.words.size() : a.words < b.words;
    });
    for (std::uint32_t byte = 0, at = 0; byte < 257; ++byte) {
      while (at < sorted.size() && static_cast<unsigned char>(sorted[at].words[0]) < byte) ++at;
      begin[byte] = at;
    }
  }
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The words of a name in small letters, a blank behind each; digits and marks part words and are none.
std::string words_of(std::string_view name) {
  std::string out;
  for (std::size_t at = 0; at < name.size(); ++at) {
    const auto byte = static_cast<unsigned char>(name[at]);
    if (byte >= 'A' && byte <= 'Z') {
      out += static_cast<char>(byte + 32);
    } else if ((byte >= 'a' && byte <= 'z') || (byte == '&' && at > 0 && at + 1 < name.size() && is_letter(name[at - 1]) && is_letter(name[at + 1]))) {
      out += static_cast<char>(byte);
    } else if (byte == 0xC2) {
      ++at;  // Signs of Latin-1 such as the pound's.
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (byte >= 0x80) {
      out += static_cast<char>(byte);
      if (at + 1 < name.size()) {
        const auto next = static_cast<unsigned char>(name[++at]);
        // Capitals of Latin-1, and the Polish capital L with its stroke.
        if (byte == 0xC3 && next >= 0x80 && next <= 0x9E) out += static_cast<char>(next + 0x20);
        else out += static_cast<char>(byte == 0xC5 && next == 0x81 ? 0x82 : next);
      }
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() != ' ') out += ' ';
  return out;
}

std::string amount(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// The code with each run of digits as one #.
std::string family_of(std::string_view code) {
  std::string out;
  for (const char c : code) {
    if (c < '0' || c > '9') out += c;
    else if (out.empty() || out.back() != '#') out += '#';
  }
  return out;
}

}  // namespace

ServiceWords service_words(std::string_view name) {
  static const Index index;
  const auto text = words_of(name);
  bool some = false, any = false, whole = true;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = std::string_view(text).substr(at);
    const auto byte = static_cast<unsigned char>(rest[0]);
    const Entry* match = nullptr;
    for (auto i = index.begin[byte]; i < index.begin[byte + 1] && match == nullptr; ++i) {
      const auto& words = index.sorted[i].words;
      if (rest.size() > words.size() && rest[words.size()] == ' ' && rest.starts_with(words)) match = &index.sorted[i];
    }
    const auto word = rest.substr(0, rest.find(' '));
    if (match != nullptr) {
      any = true;
      some = some || match->strong;
    } else if (std::find(std::begin(fillers), std::end(fillers), word) == std::end(fillers)) {
      whole = false;
    }
    at += (match != nullptr ? match->words.size() : word.size()) + 1;
  }
  return any && whole ? ServiceWords::whole : some ? ServiceWords::some : ServiceWords::none;
}

std::string propose_dropping(std::span<const NoProduct> codes) {
  if (codes.empty()) return {};
  auto text = std::to_string(codes.size()) + (codes.size() == 1 ? " code looks like no product (" : " codes look like no products (");
  constexpr std::size_t shown_codes = 5;
  for (std::size_t i = 0; i < std::min(codes.size(), shown_codes); ++i) {
    if (i > 0) text += ", ";
    text += codes[i].item;
    if (!codes[i].name.empty()) (text += ' ') += shown(codes[i].name);
  }
  if (codes.size() > shown_codes) text += ", ...";
  return text + "): --drop-items FILE leaves out those that a file names; train --write-drop-items FILE writes it";
}

std::uint64_t NoProducts::hash_of_shape(std::string_view code) noexcept {
  std::uint64_t hash = 1;
  unsigned char last = 0;
  for (const char c : code) {
    const auto byte = static_cast<unsigned char>(c);
    const unsigned char sort = byte >= '0' && byte <= '9' ? '9' : ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') || byte >= 0x80 ? 'A' : byte;
    if (sort == last && (sort == '9' || sort == 'A')) continue;
    last = sort;
    hash = (hash ^ sort) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

std::uint64_t& NoProducts::shape(std::string_view code) noexcept {
  const auto hash = hash_of_shape(code);
  for (std::size_t tries = 0; tries < 16; ++tries) {
    auto& slot = shapes_[(hash + tries) % shape_slots];
    if (slot.hash == hash) return slot.lines;
    if (slot.hash != 0) continue;
    slot.hash = hash;
    return slot.lines;
  }
  return other_shapes_;
}

std::uint64_t NoProducts::lines_of_shape(std::string_view code) const noexcept {
  const auto hash = hash_of_shape(code);
  for (std::size_t tries = 0; tries < 16; ++tries)
    if (const auto& slot = shapes_[(hash + tries) % shape_slots]; slot.hash == hash) return slot.lines;
  return other_shapes_;
}

bool NoProducts::shapes_tell() const noexcept {
  std::uint64_t common = 0;
  for (const auto& slot : shapes_)
    if (!is_rare(slot.lines)) common += slot.lines;
  return lines_ >= 100 && 10 * common >= 9 * lines_;
}

ServiceWords NoProducts::remembered(std::string_view name) {
  const auto hash = hash64(std::as_bytes(std::span(name)), 0);
  auto& slot = names_[(hash >> 2) % name_slots];
  if (slot != 0 && (slot ^ hash) < 4) return static_cast<ServiceWords>((slot & 3) - 1);
  const auto words = service_words(name);
  slot = (hash & ~std::uint64_t{3}) | (static_cast<std::uint64_t>(words) + 1);
  return words;
}

NoProducts::Suspect* NoProducts::known(std::string_view code) {
  const auto found = suspects_.find(code);
  return found == suspects_.end() ? nullptr : &found->second;
}

NoProducts::Suspect* NoProducts::find(std::string_view code) {
  if (auto* const suspect = known(code)) return suspect;
  if (suspects_.size() == most_suspects || code.size() > longest_code) return nullptr;
  return &suspects_[std::string(code)];
}

void NoProducts::add(Suspect& suspect, const Event& event, ServiceWords words) {
  ++suspect.lines;
  if (!event.item_name.empty()) {
    ++suspect.named;
    suspect.some += words != ServiceWords::none ? 1 : 0;
    suspect.whole += words == ServiceWords::whole ? 1 : 0;
    if (suspect.name.empty() && event.item_name.size() <= longest_name) suspect.name = event.item_name;
  }
  if (!(event.price > 0)) return;
  const auto value = std::log(event.price);
  ++suspect.priced;
  const auto before = value - suspect.log_mean;
  suspect.log_mean += before / static_cast<double>(suspect.priced);
  suspect.log_squares += before * (value - suspect.log_mean);
  suspect.least = suspect.priced == 1 ? event.price : std::min(suspect.least, event.price);
  suspect.greatest = std::max(suspect.greatest, event.price);
}

void NoProducts::settle() {
  shapes_tell_ = shapes_tell();
  std::erase_if(suspects_, [&](const auto& entry) { return entry.second.some == 0 && (!shapes_tell_ || !is_rare(lines_of_shape(entry.first))); });
}

/// Why a code looks like no product, or "".
std::string NoProducts::judge(std::string_view code, const Suspect& suspect) const {
  if (suspect.whole > 0 && 2 * suspect.whole > suspect.named) return "its name says so";
  const bool odd = shapes_tell() && is_rare(lines_of_shape(code));
  if (odd && suspect.some > 0 && 2 * suspect.some > suspect.named) return "an unusual code, and a word of its name";
  if (odd && suspect.named == 0 && service_words(code) == ServiceWords::whole) return "the code says so";
  const auto priced = static_cast<double>(suspect.priced);
  // A standard deviation of 1 in logarithms: two prices of three lie within a factor of 7, of products within one of 2.
  const bool wild = suspect.priced >= 10 && suspect.log_squares >= priced - 1;
  if (wild && (odd || (suspect.some > 0 && 2 * suspect.some > suspect.named)))
    return (odd ? "an unusual code" : "a word of its name") + std::string(" with prices from ") + amount(suspect.least) + " to " + amount(suspect.greatest);
  if (odd && suspect.priced >= 3 && prices_ >= 100) {
    const auto usual = std::log(2.0) * (static_cast<double>(exponents_) / static_cast<double>(prices_) + 0.5);
    if (suspect.log_mean < usual - std::log(100.0)) return "an unusual code that costs next to nothing";
  }
  return {};
}

std::vector<NoProduct> NoProducts::found() const {
  std::vector<NoProduct> out;
  std::map<std::string, std::uint64_t> families;   // of codes that differ in digits only: how many of them are found
  const auto put = [&](std::string_view code, const Suspect& suspect, std::string why) {
    out.push_back({.item = std::string(code), .name = suspect.name, .lines = suspect.lines, .example = suspect.example, .why = std::move(why)});
  };
  std::vector<std::pair<std::string_view, const Suspect*>> silent;
  for (const auto& [code, suspect] : suspects_) {
    if (auto why = judge(code, suspect); !why.empty()) {
      put(code, suspect, std::move(why));
      ++families[family_of(code)];
    } else if (suspect.named == 0) {
      silent.emplace_back(code, &suspect);
    }
  }
  for (const auto& [code, suspect] : suspects_)  // One product among them clears a family.
    if (suspect.named > 0 && judge(code, suspect).empty()) families.erase(family_of(code));
  for (const auto& [code, suspect] : silent)
    if (const auto family = families.find(family_of(code)); family != families.end() && family->second >= 2 && shapes_tell() && is_rare(lines_of_shape(code)))
      put(code, *suspect, "a code like others that are found");
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.lines != b.lines ? a.lines > b.lines : a.item < b.item; });
  return out;
}

}  // namespace pannier::data
