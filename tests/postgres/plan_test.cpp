// The plans of the statements: what makes the store fast must not depend on statistics.
#include "postgres/postgres_testing.hpp"
#include "store/postgres/connection.hpp"
#include "store/postgres/read_statements.hpp"
#include "store/postgres/stored_state.hpp"
#include "store/postgres/upkeep.hpp"
#include "store/postgres/write_batch.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace parrhesia::test {
namespace {

using store::AccessPath;
using store::postgres::Statement;

class PostgresPlanTest : public testing::Test {
  protected:
    PostgresPlanTest() { store = store::open_postgres_store(options_for(connection)); }

    // As the store's own sessions plan it, with nothing known of its parameters.
    std::string plan_of(const Statement& statement) {
        store::postgres::ConnectionOptions options;
        options.connection = connection;
        options.application_name = "plans";
        options.statements = {&statement, 1};
        store::postgres::Connection session(options, {});
        const std::string sql = statement.sql;
        int count = 0;
        while (sql.find("$" + std::to_string(count + 1)) != std::string::npos) ++count;
        std::string nulls;
        for (int i = 0; i < count; ++i) nulls += i == 0 ? "null" : ", null";
        const auto rows = session.execute(("EXPLAIN EXECUTE " + std::string(statement.name) +
                                           (count == 0 ? "" : "(" + nulls + ")"))
                                              .c_str());
        std::string plan;
        for (int row = 0; row < rows.size(); ++row) {
            plan += std::string(rows.bytes(row, 0)) + "\n";
        }
        return plan;
    }
    void expect_streams() {
        struct Shape {
            AccessPath::By by;
            const char* index;
        };
        using By = AccessPath::By;
        for (const Shape& shape :
             {Shape{By::author_kind, "event_author_kind"}, Shape{By::author, "event_author"},
              Shape{By::kind, "event_kind"}, Shape{By::created_at, "event_created_at"},
              Shape{By::tag, "event_tag_key"}}) {
            const std::string plan = plan_of(store::postgres::read_statement(shape.by));
            EXPECT_NE(plan.find("Scan Backward using " + std::string(shape.index) + " on"),
                      std::string::npos)
                << plan;
            // A limit that is reached ends the walk along the index: nothing is sorted or hashed.
            for (const char* bad : {"Sort", "Seq Scan", "Bitmap", "Hash", "Materialize"}) {
                EXPECT_EQ(plan.find(bad), std::string::npos) << plan;
            }
        }
        for (const auto& [by, index] :
             {std::pair{By::id, "event_id"}, std::pair{By::address, "event_address"}}) {
            const std::string plan = plan_of(store::postgres::read_statement(by));
            EXPECT_NE(plan.find("Index Scan using " + std::string(index)), std::string::npos)
                << plan;
        }
    }
    void expect_no_walks() {
        std::vector<Statement> statements = store::postgres::write_statements();
        for (const Statement& statement : store::postgres::upkeep_statements()) {
            statements.push_back(statement);
        }
        statements.push_back(store::postgres::kReadRaw);
        for (const Statement& statement : statements) {
            const std::string plan = plan_of(statement);
            for (const char* table : {"Seq Scan on event", "Seq Scan on tombstone"}) {
                EXPECT_EQ(plan.find(table), std::string::npos) << statement.name << "\n" << plan;
            }
        }
    }

    const std::string connection = shared_postgres().make_database();
    std::unique_ptr<EventStore> store;
};

TEST_F(PostgresPlanTest, AnEmptyDatabaseIsPlannedForLikeAFullOne) {
    expect_streams();
    expect_no_walks();
}

TEST_F(PostgresPlanTest, StatisticsChangeNothing) {
    std::vector<EventPtr> events;
    for (int i = 0; i < 3000; ++i) {
        events.push_back(note(1000 + i, i % 50 == 0 ? 7 : 1, {{"t", std::to_string(i % 7)}},
                              "author " + std::to_string(i % 20)));
    }
    for (const PutResult& result : put_all(*store, events)) {
        ASSERT_EQ(result.status, PutStatus::stored);
    }
    (void)run_sql(connection, "ANALYZE parrhesia.event, parrhesia.event_tag, parrhesia.tombstone");

    expect_streams();
    expect_no_walks();
}

}  // namespace
}  // namespace parrhesia::test
