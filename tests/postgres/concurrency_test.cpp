// Several relays write into one database at the same moment: whatever interleaving comes, there is
// an order in which one relay would have done the same.
#include "parrhesia/event/parse.hpp"
#include "parrhesia/event/visibility.hpp"

#include "postgres/postgres_testing.hpp"
#include "store/model_history.hpp"
#include "store/model_oracle.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace parrhesia::test {
namespace {

struct Done {
    std::vector<EventPtr> batch;
    std::vector<PutResult> results;
    // The transaction; 0: nothing was stored.
    [[nodiscard]] std::uint64_t position() const {
        for (const PutResult& result : results) {
            if (result.position.seq != 0) return result.position.seq;
        }
        return 0;
    }
};

class ConcurrencyTest : public testing::Test {
  protected:
    static constexpr std::size_t kRelays = 3;

    // Each relay writes the batches, all of them, in an order of its own.
    std::vector<Done> write(const std::vector<std::vector<EventPtr>>& batches, unsigned seed) {
        empty_database(connection_);
        std::vector<std::unique_ptr<EventStore>> relays;
        for (std::size_t i = 0; i < kRelays; ++i) {
            store::PostgresOptions options = options_for(connection_);
            options.clock = &clock_;
            relays.push_back(store::open_postgres_store(options));
        }
        std::vector<Done> done;
        std::mutex mutex;
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < kRelays; ++i) {
            threads.emplace_back([&, i] {
                auto mine = batches;
                std::shuffle(mine.begin(), mine.end(),
                             std::minstd_rand(seed * kRelays + static_cast<unsigned>(i)));
                for (const auto& batch : mine) {
                    auto results = relays[i]->put(batch);
                    const std::scoped_lock lock(mutex);
                    done.push_back({batch, std::move(results)});
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        found_ = query(*relays.front(), Filter());
        return done;
    }

    const std::string connection_ = shared_postgres().make_database();
    ManualClock clock_{kModelStart};
    std::vector<std::string> found_;
};

TEST_F(ConcurrencyTest, WhatManyRelaysWriteIsWhatOneWouldHaveWritten) {
    for (unsigned seed = 1; seed <= 25; ++seed) {
        std::vector<std::vector<EventPtr>> batches;
        HistoryMaker maker(seed);
        while (batches.size() < 25) {
            for (Segment& segment : maker.make()) {
                for (auto& batch : segment.batches) batches.push_back(std::move(batch));
            }
        }
        std::vector<Done> done = write(batches, seed);
        for (const Done& one : done) {
            for (const PutResult& result : one.results) {
                ASSERT_NE(result.status, PutStatus::failed)
                    << "seed " << seed << ": " << result.error.message();
            }
        }
        // Who has a lock in common with an earlier one gets a higher transaction id; who has none
        // does not care.
        std::erase_if(done, [](const Done& one) { return one.position() == 0; });
        std::sort(done.begin(), done.end(),
                  [](const Done& a, const Done& b) { return a.position() < b.position(); });
        Oracle oracle;
        std::string story;
        for (const Done& one : done) {
            for (std::size_t i = 0; i < one.batch.size(); ++i) {
                story += std::to_string(one.position()) + " " +
                         std::to_string(static_cast<int>(one.results[i].status)) + " " +
                         std::string(one.batch[i]->json()) + "\n";
                ASSERT_EQ(one.results[i].status, oracle.put(one.batch[i]))
                    << "seed " << seed << "\n"
                    << story;
            }
        }
        // What has expired may be there or removed already.
        std::vector<std::string> expected = oracle.query({Filter()}, kModelStart);
        std::erase_if(found_, [&](const std::string& json) {
            event::JsonReader reader;
            return event::has_expired((*reader.event(json))->view(), kModelStart);
        });
        ASSERT_EQ(found_, expected) << "seed " << seed << "\n" << story;
        expect_consistent(connection_);
    }
}

}  // namespace
}  // namespace parrhesia::test
