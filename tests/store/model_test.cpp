// Random histories of publishing, replacing, deleting, vanishing and expiring, with restarts and
// crashes in between, against an oracle that is written from the NIPs with nothing but loops.
#include "parrhesia/store/embedded_store.hpp"
#include "parrhesia/store/lmdb_store.hpp"

#include "store/model_run.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>

namespace parrhesia::test {
namespace {

std::unique_ptr<EventStore> open_embedded(const std::filesystem::path& path,
                                          const base::Clock& clock) {
    store::EmbeddedOptions options;
    options.lmdb.path = path;
    options.lmdb.initial_map_bytes = std::uint64_t{512} << 10;
    options.lmdb.relay_urls = {kModelRelayUrl};
    options.lmdb.clock = &clock;
    options.journal_file_bytes = 64 << 10;
    options.index_delay = std::chrono::milliseconds(1);
    options.index_batch_events = 4;
    options.upkeep_interval = std::chrono::milliseconds(1);
    return store::open_embedded_store(options);
}

std::unique_ptr<EventStore> open_lmdb(const std::filesystem::path& path, const base::Clock& clock) {
    store::LmdbOptions options;
    options.path = path;
    options.initial_map_bytes = std::uint64_t{512} << 10;
    options.relay_urls = {kModelRelayUrl};
    options.clock = &clock;
    return store::open_lmdb_store(options);
}

// ThreadSanitizer makes a process, of which every third history needs one, dearer by a hundred.
#ifdef __SANITIZE_THREAD__
constexpr unsigned kPart = 20;
#else
constexpr unsigned kPart = 250;
#endif

// In parts, so that they run side by side.
TEST(ModelTest, TheEmbeddedStoreAgreesWithTheOracle) { expect_agreement(open_embedded, 0, kPart); }
TEST(ModelTest, TheEmbeddedStoreAgreesAgain) { expect_agreement(open_embedded, kPart, kPart); }
TEST(ModelTest, TheEmbeddedStoreAgreesOnceMore) {
    expect_agreement(open_embedded, 2 * kPart, kPart);
}
TEST(ModelTest, TheEmbeddedStoreAgreesStill) { expect_agreement(open_embedded, 3 * kPart, kPart); }
TEST(ModelTest, TheLmdbStoreAgreesWithTheOracle) { expect_agreement(open_lmdb, 5000, kPart / 2); }

}  // namespace
}  // namespace parrhesia::test
