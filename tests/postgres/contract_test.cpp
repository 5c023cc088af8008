// The PostgreSQL store keeps the promises of every store.
#include "postgres/postgres_testing.hpp"
#include "store/contract_suite.hpp"
#include "store/deletion_contract_suite.hpp"
#include "store/query_contract_suite.hpp"
#include "store/scan_options_suite.hpp"

namespace parrhesia::test {
namespace {

class PostgresHarness {
  public:
    PostgresHarness() { start_over(); }

    EventStore& store() { return *store_; }
    void reopen() {
        store_.reset();
        open();
    }
    void start_over() {
        store_.reset();
        empty_database(connection());
        open();
    }
    void verify() {
        store_.reset();
        expect_consistent(connection());
        open();
    }

  private:
    // One for all tests: making one takes longer than most of them.
    static const std::string& connection() {
        static const std::string string = shared_postgres().make_database();
        return string;
    }
    void open() { store_ = store::open_postgres_store(options_for(connection())); }

    std::unique_ptr<EventStore> store_;
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, EventStoreContract, PostgresHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, EventStoreQueryContract, PostgresHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, ScanOptionsContract, PostgresHarness);
INSTANTIATE_TYPED_TEST_SUITE_P(Postgres, DeletionContract, PostgresHarness);

}  // namespace parrhesia::test
