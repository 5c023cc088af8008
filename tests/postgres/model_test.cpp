// The PostgreSQL store agrees with the oracle, like the embedded one (tests/store/model_test.cpp).
#include "postgres/postgres_testing.hpp"
#include "store/model_run.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace parrhesia::test {
namespace {

// The tables stand for the folder: where there is no folder yet, the tables are empty. (A member
// would not do: every third history has its first events from a child process.)
class Opener {
  public:
    std::unique_ptr<EventStore> operator()(const std::filesystem::path& folder,
                                           const base::Clock& clock) {
        if (std::filesystem::create_directory(folder)) empty_database(connection_);
        store::PostgresOptions options = options_for(connection_);
        options.relay_urls = {kModelRelayUrl};
        options.clock = &clock;
        return store::open_postgres_store(options);
    }

  private:
    const std::string connection_ = shared_postgres().make_database();
};

// ThreadSanitizer makes a process, of which every third history needs one, dearer by a hundred.
#ifdef __SANITIZE_THREAD__
constexpr unsigned kHistories = 5;
#else
constexpr unsigned kHistories = 100;
#endif

TEST(PostgresModelTest, AgreesWithTheOracle) {
    auto opener = std::make_shared<Opener>();
    expect_agreement(
        [opener](const auto& folder, const auto& clock) { return (*opener)(folder, clock); }, 9000,
        kHistories);
}

}  // namespace
}  // namespace parrhesia::test
