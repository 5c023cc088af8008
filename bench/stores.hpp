// Stores that the benchmarks make for themselves.
#pragma once

#include "parrhesia/store/event_store.hpp"

#include <filesystem>
#include <memory>

namespace parrhesia::bench {

// A new folder in the working directory, removed with all it holds.
class TemporaryFolder {
  public:
    // Errors: throws std::system_error that names the folder.
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

// The relay's default store, in that folder. The one place that says which it is.
// Errors: throws std::runtime_error as the store does.
[[nodiscard]] std::unique_ptr<store::EventStore> open_new_store(
    const std::filesystem::path& folder);
// The same, but its events stay in the journal until it closes.
[[nodiscard]] std::unique_ptr<store::EventStore> open_new_unindexed_store(
    const std::filesystem::path& folder);

}  // namespace parrhesia::bench
