#include "parrhesia/store/readers.hpp"

#include "store/scripted_store.hpp"
#include "store/store_testing.hpp"
#include "support/manual_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>
#include <thread>

namespace parrhesia::test {
namespace {

using store::Query;
using store::QueryPage;
using store::Readers;
using store::ReadersOptions;

void add_row(ScanPage& page, std::string_view json) {
    page.rows.push_back({{},
                         1,
                         1,
                         static_cast<std::uint32_t>(page.text.size()),
                         static_cast<std::uint32_t>(json.size())});
    page.text.append(json);
}

// A slice that finds one row and is done.
[[nodiscard]] ScriptedStore::Slice one_row() {
    return [](const ScanBudget&, ScanPage& page) {
        add_row(page, "{}");
        page.done = true;
        return base::error_code();
    };
}

class ReadersTest : public testing::Test {
  protected:
    void start_readers(ReadersOptions options = {}) {
        options.threads = threads;
        readers.emplace(store, metrics, options);
    }
    [[nodiscard]] std::shared_ptr<Query> start() {
        return readers->start({Filter{}}, home,
                              [this](QueryPage page) { pages.push_back(std::move(page)); });
    }
    [[nodiscard]] bool wait_for_pages(std::size_t count) {
        return home.run_until([&] { return pages.size() >= count; });
    }
    [[nodiscard]] bool metrics_say(const std::string& line) {
        return metrics.render().find("\n" + line + "\n") != std::string::npos;
    }

    unsigned threads = 1;
    ScriptedStore store;
    base::MetricsRegistry metrics;
    ManualQueue home;
    std::vector<QueryPage> pages;
    std::optional<Readers> readers;
};

TEST_F(ReadersTest, DeliversAPageOnTheHomeThreadWithTheMark) {
    store.slices = {one_row()};
    start_readers();
    std::thread::id where;
    const auto query = readers->start({Filter{}}, home, [&](QueryPage page) {
        where = std::this_thread::get_id();
        pages.push_back(std::move(page));
    });

    ASSERT_TRUE(wait_for_pages(1));

    EXPECT_EQ(where, std::this_thread::get_id());
    EXPECT_EQ(pages[0].page.rows.size(), 1U);
    EXPECT_TRUE(pages[0].page.done);
    EXPECT_EQ(pages[0].mark.seq(), 42U);
    EXPECT_FALSE(pages[0].error);
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
    EXPECT_TRUE(metrics_say("parrhesia_store_query_seconds_count 1"));
    EXPECT_TRUE(metrics_say("parrhesia_store_slices_total 1"));
}

TEST_F(ReadersTest, TheNextSliceRunsAfterMore) {
    std::atomic<int> slices{0};
    store.slices = {[&](const ScanBudget&, ScanPage& page) {
        ++slices;
        add_row(page, "{}");
        page.done = slices == 3;
        return base::error_code();
    }};
    start_readers();
    const auto query = start();

    ASSERT_TRUE(wait_for_pages(1));
    EXPECT_EQ(slices, 1);
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 1"));
    query->more();
    ASSERT_TRUE(wait_for_pages(2));
    EXPECT_EQ(slices, 2);
    query->more();
    ASSERT_TRUE(wait_for_pages(3));
    EXPECT_TRUE(pages[2].page.done);
    query->more();  // of a query that is over: nothing
    readers->stop();
    home.run_ready();
    EXPECT_EQ(pages.size(), 3U);
}

TEST_F(ReadersTest, SlicesThatFindNothingTakeTurns) {
    // The first query needs many slices before it finds a row; the second is short. One thread.
    std::atomic<int> slices{0};
    std::atomic<int> slices_before_short{0};
    std::promise<void> short_started;
    auto wait = short_started.get_future().share();
    store.slices = {[&, wait](const ScanBudget&, ScanPage& page) {
                        wait.wait();
                        if (++slices == 50) {
                            add_row(page, "long");
                            page.done = true;
                        }
                        return base::error_code();
                    },
                    [&](const ScanBudget&, ScanPage& page) {
                        slices_before_short = slices.load();
                        add_row(page, "short");
                        page.done = true;
                        return base::error_code();
                    }};
    start_readers();
    const auto long_query = start();
    const auto short_query = start();
    short_started.set_value();

    ASSERT_TRUE(wait_for_pages(2));

    EXPECT_LE(slices_before_short, 1);
    EXPECT_EQ(pages[0].page.text, "short");
    EXPECT_EQ(pages[1].page.text, "long");
    EXPECT_EQ(slices, 50);
}

TEST_F(ReadersTest, ADoneQueryWithoutRowsSaysSo) {
    store.slices = {[](const ScanBudget&, ScanPage& page) {
        page.done = true;
        return base::error_code();
    }};
    start_readers();
    const auto query = start();

    ASSERT_TRUE(wait_for_pages(1));

    EXPECT_TRUE(pages[0].page.rows.empty());
    EXPECT_TRUE(pages[0].page.done);
}

TEST_F(ReadersTest, AnErrorEndsTheQueryWithAnEmptyPage) {
    store.slices = {[](const ScanBudget&, ScanPage& page) {
        add_row(page, "{}");
        return make_error_code(Errc::store_damaged);
    }};
    start_readers();
    const auto query = start();

    ASSERT_TRUE(wait_for_pages(1));

    EXPECT_EQ(pages[0].error, base::error_code(Errc::store_damaged));
    EXPECT_TRUE(pages[0].page.rows.empty());
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
}

TEST_F(ReadersTest, AnExceptionIsAnErrorOfThatQueryOnly) {
    store.slices = {
        [](const ScanBudget&, ScanPage&) -> base::error_code { throw std::bad_alloc(); },
        one_row()};
    start_readers();
    const auto first = start();
    const auto second = start();

    ASSERT_TRUE(wait_for_pages(2));

    EXPECT_EQ(pages[0].error, base::error_code(Errc::store_unavailable));
    EXPECT_FALSE(pages[1].error);
}

TEST_F(ReadersTest, AQueryThatTakesTooLongIsToldSo) {
    store.slices = {[](const ScanBudget& budget, ScanPage&) {
        while (std::chrono::steady_clock::now() < budget.deadline) std::this_thread::yield();
        return base::error_code();
    }};
    ReadersOptions options;
    options.slice = std::chrono::milliseconds(2);
    options.query_timeout = std::chrono::milliseconds(10);
    start_readers(options);
    const auto query = start();

    ASSERT_TRUE(wait_for_pages(1));

    EXPECT_EQ(pages[0].error, base::error_code(Errc::timed_out));
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
}

TEST_F(ReadersTest, NoCallbackAfterCancelNotEvenOneThatWasPosted) {
    std::promise<void> ran;
    store.slices = {[&](const ScanBudget&, ScanPage& page) {
                        add_row(page, "{}");
                        return base::error_code();
                    },
                    [&](const ScanBudget&, ScanPage& page) {
                        ran.set_value();
                        page.done = true;
                        return base::error_code();
                    }};
    start_readers();
    const auto cancelled = start();
    // One thread: when the second query runs, the first one's page has been posted.
    bool second_done = false;
    const auto second = readers->start({Filter{}}, home, [&](QueryPage) { second_done = true; });
    ran.get_future().wait();

    cancelled->cancel();

    ASSERT_TRUE(home.run_until([&] { return second_done; }));
    EXPECT_TRUE(pages.empty());
    cancelled->more();
    readers->stop();
    home.run_ready();
    EXPECT_TRUE(pages.empty());
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
}

TEST_F(ReadersTest, DestroyingTheHandleCancelsAlsoWithinTheCallback) {
    store.slices = {[](const ScanBudget&, ScanPage& page) {
                        add_row(page, "{}");
                        return base::error_code();
                    },
                    one_row()};
    start_readers();
    std::shared_ptr<Query> query;
    auto captured = std::make_shared<int>(7);
    const std::weak_ptr<int> watch = captured;
    int value = 0;
    query = readers->start({Filter{}}, home, [&, captured](QueryPage) {
        query->more();
        query.reset();
        value = *captured;  // what the callback holds lives until it returns
    });
    captured.reset();

    ASSERT_TRUE(home.run_until([&] { return value != 0; }));

    EXPECT_EQ(value, 7);
    EXPECT_TRUE(watch.expired());
    readers->stop();
    home.run_ready();
}

TEST_F(ReadersTest, StopDropsQueriesWithoutAWord) {
    std::promise<void> running;
    bool first_slice = true;
    const auto find_nothing = [](const ScanBudget&, ScanPage&) { return base::error_code(); };
    store.slices = {[&](const ScanBudget&, ScanPage&) {
                        if (std::exchange(first_slice, false)) running.set_value();
                        return base::error_code();
                    },
                    find_nothing};
    start_readers();
    auto first = start();
    const auto second = start();
    running.get_future().wait();

    readers->stop();
    readers->stop();

    home.run_ready();
    EXPECT_TRUE(pages.empty());
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
    first->more();
    readers.reset();
    first.reset();  // handles may outlive the readers
    second->cancel();
}

TEST_F(ReadersTest, ManyQueriesOnManyThreads) {
    threads = 3;
    constexpr std::size_t kQueries = 60;
    for (std::size_t i = 0; i < kQueries; ++i) {
        store.slices.push_back([left = 3](const ScanBudget&, ScanPage& page) mutable {
            add_row(page, "{}");
            page.done = --left == 0;
            return base::error_code();
        });
    }
    start_readers();
    std::vector<std::shared_ptr<Query>> queries(kQueries);
    std::vector<int> seen(kQueries, 0);
    std::size_t done = 0;
    for (std::size_t i = 0; i < kQueries; ++i) {
        queries[i] = readers->start({Filter{}}, home, [&, i](QueryPage page) {
            ++seen[i];
            if (page.page.done) {
                ++done;
            } else {
                queries[i]->more();
            }
        });
    }

    ASSERT_TRUE(home.run_until([&] { return done == kQueries; }));

    EXPECT_EQ(seen, std::vector<int>(kQueries, 3));
    EXPECT_TRUE(metrics_say("parrhesia_store_queries_running 0"));
}

}  // namespace
}  // namespace parrhesia::test
