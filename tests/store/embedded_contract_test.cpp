// The embedded store keeps the promises of every store, wherever its events are at the moment: in
// the journal only, in the indexes only, or on their way.
#include "parrhesia/store/embedded_store.hpp"

#include "store/contract_suite.hpp"
#include "store/deletion_contract_suite.hpp"
#include "store/local_seq_suite.hpp"
#include "store/query_contract_suite.hpp"
#include "store/scan_options_suite.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <memory>

namespace parrhesia::test {
namespace {

enum class Indexed { never, soon, at_once };

template <Indexed when>
class EmbeddedHarness {
  public:
    EmbeddedHarness() { open(); }

    EventStore& store() { return *store_; }
    void reopen() {
        store_.reset();
        open();
    }
    void start_over() {
        store_.reset();
        std::filesystem::remove_all(folder_.path() / "store");
        open();
    }
    void verify() {
        store_.reset();
        const auto check = store::check_lmdb_store(options().lmdb);
        EXPECT_EQ(check.problem_count, 0U) << check.problems.front();
        open();
    }

  private:
    [[nodiscard]] store::EmbeddedOptions options() const {
        store::EmbeddedOptions result;
        result.lmdb.path = folder_.path() / "store";
        result.lmdb.relay_urls = {kRelayUrl};
        result.lmdb.initial_map_bytes = std::uint64_t{512} << 10;
        result.journal_file_bytes = 64 << 10;  // so small that files are used again
        result.upkeep_interval = std::chrono::milliseconds(1);
        switch (when) {
            case Indexed::never:
                result.index_delay = std::chrono::hours(1);
                result.index_batch_events = std::numeric_limits<std::size_t>::max();
                result.index_batch_bytes = std::numeric_limits<std::size_t>::max();
                break;
            case Indexed::soon:
                result.index_delay = std::chrono::milliseconds(1);
                result.index_batch_events = 3;
                break;
            case Indexed::at_once:
                result.index_delay = std::chrono::milliseconds(0);
                result.max_recent_events = 1;  // put() waits for the indexer
                break;
        }
        return result;
    }
    void open() { store_ = store::open_embedded_store(options()); }

    TemporaryFolder folder_;
    std::unique_ptr<EventStore> store_;
};

using NeverIndexed = EmbeddedHarness<Indexed::never>;
using SoonIndexed = EmbeddedHarness<Indexed::soon>;
using AtOnceIndexed = EmbeddedHarness<Indexed::at_once>;

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedNeverIndexed, EventStoreContract, NeverIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedNeverIndexed, LocalSeqContract, NeverIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedNeverIndexed, EventStoreQueryContract, NeverIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedNeverIndexed, ScanOptionsContract, NeverIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedNeverIndexed, DeletionContract, NeverIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSoonIndexed, EventStoreContract, SoonIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSoonIndexed, LocalSeqContract, SoonIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSoonIndexed, EventStoreQueryContract, SoonIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSoonIndexed, ScanOptionsContract, SoonIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedSoonIndexed, DeletionContract, SoonIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedAtOnceIndexed, EventStoreContract, AtOnceIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedAtOnceIndexed, LocalSeqContract, AtOnceIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedAtOnceIndexed, EventStoreQueryContract, AtOnceIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedAtOnceIndexed, ScanOptionsContract, AtOnceIndexed);
INSTANTIATE_TYPED_TEST_SUITE_P(EmbeddedAtOnceIndexed, DeletionContract, AtOnceIndexed);

}  // namespace parrhesia::test
