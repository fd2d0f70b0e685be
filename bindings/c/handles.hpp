/// What stands behind the opaque handles.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "pannier.h"
#include "pannier/model/recommender.hpp"
#include "pannier/retrieval/norm_index.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/store/store.hpp"

struct pnr_store {
  std::shared_ptr<pannier::store::Store> value;
};

struct pnr_response {
  pannier::serve::Response value;
  pannier::serve::EngineWorkspace workspace;
};

struct pnr_engine {
  std::shared_ptr<pannier::serve::Engine> value;

  /// Warm responses of pnr_engine_call_json(). Nobody waits for the lock: whoever does not get it at once (also in a child
  /// that was forked while a thread held it) makes a response of its own.
  std::mutex mutex;
  std::vector<std::unique_ptr<pnr_response>> spare;

  std::unique_ptr<pnr_response> take() {
    if (const std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock() && !spare.empty()) {
      auto response = std::move(spare.back());
      spare.pop_back();
      return response;
    }
    return std::make_unique<pnr_response>();
  }
  void give(std::unique_ptr<pnr_response> response) {
    if (const std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock() && spare.size() < 64)
      spare.push_back(std::move(response));
  }
};

struct pnr_model {
  std::shared_ptr<const pannier::model::Recommender> value;
};

struct pnr_vector_index {
  pannier::retrieval::NormIndex value;
};
