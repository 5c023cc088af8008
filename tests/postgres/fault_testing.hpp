// A store on a server that its test may stop, kill and pause.
#pragma once

#include "postgres/postgres_testing.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace parrhesia::test {

// Times so short that a hanging server is noticed soon, and so long that a slow one is not.
[[nodiscard]] inline store::PostgresOptions quick_options(const std::string& connection) {
    store::PostgresOptions options = options_for(connection);
    options.connect_timeout = std::chrono::milliseconds(2000);
    options.write_timeout = std::chrono::milliseconds(3000);
    options.read_timeout = std::chrono::milliseconds(5000);
    return options;
}

[[nodiscard]] inline bool can_put(EventStore& store) {
    return put(store, note(1)).status == PutStatus::stored;
}

[[nodiscard]] inline base::error_code scan_error(EventStore& store) {
    ScanPage page;
    return store.scan({Filter()})->next({}, page);
}

// A server of its own, so that it may be ended.
class PostgresFaultTest : public testing::Test {
  protected:
    explicit PostgresFaultTest(PostgresSettings settings = {}) : server(std::move(settings)) {}
    void open() { store = store::open_postgres_store(quick_options(connection)); }

    void expect_away() {
        EXPECT_TRUE(eventually([&] { return store->writable() == Errc::store_unavailable; }));
        EXPECT_EQ(put(*store, note(1)).error, Errc::store_unavailable);
        EXPECT_EQ(scan_error(*store), Errc::store_unavailable);
    }
    // All at once: each of the store's connections finds out by itself that it has been ended.
    void expect_back() {
        EXPECT_TRUE(eventually(
            [&] { return can_put(*store) && !store->writable() && !scan_error(*store); }));
    }

    PostgresServer server;
    const std::string connection = server.make_database();
    std::unique_ptr<EventStore> store;
};

}  // namespace parrhesia::test
