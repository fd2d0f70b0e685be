/// What a vectors file changes in a training.
#pragma once

#include <cstdint>

#include "pannier/data/event_log.hpp"
#include "pannier/data/item_vectors.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::serve {

/// The config with the model vectors, where a file of them is given and the config does not name it: before the blend, which may be of it.
/// Errors: invalid_argument (it is named, and no file is given).
[[nodiscard]] TrainConfig with_vectors(TrainConfig config, bool given);

/// What the file says of the items of events, the first `items_of_events` of the log, and of those of the catalogue.
[[nodiscard]] VectorsRead count_vectors(const data::ItemVectors& vectors, const data::EventLog& log, std::uint32_t items_of_events);

}  // namespace pannier::serve
