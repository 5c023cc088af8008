// The embedded store keeps the promises of every store.
#include "parrhesia/store/lmdb_store.hpp"

#include "store/contract_suite.hpp"
#include "store/deletion_contract_suite.hpp"
#include "store/local_seq_suite.hpp"
#include "store/query_contract_suite.hpp"
#include "store/scan_options_suite.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

namespace parrhesia::test {
namespace {

class LmdbHarness {
  public:
    LmdbHarness() { open(); }

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
        const auto check = store::check_lmdb_store(options());
        EXPECT_EQ(check.problem_count, 0U) << check.problems.front();
        open();
    }

  private:
    [[nodiscard]] store::LmdbOptions options() const {
        store::LmdbOptions result;
        result.path = folder_.path() / "store";
        result.relay_urls = {kRelayUrl};
        // Small, so that every test also grows it.
        result.initial_map_bytes = std::uint64_t{512} << 10;
        return result;
    }
    void open() { store_ = store::open_lmdb_store(options()); }

    TemporaryFolder folder_;
    std::unique_ptr<EventStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Lmdb, EventStoreContract, LmdbHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Lmdb, LocalSeqContract, LmdbHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Lmdb, EventStoreQueryContract, LmdbHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Lmdb, ScanOptionsContract, LmdbHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Lmdb, DeletionContract, LmdbHarness);

}  // namespace parrhesia::test
