#include "net/flush_queue.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace parrhesia::net {
namespace {

using Lane = FlushQueue::Lane;

struct Connection final : Flushable {
    explicit Connection(std::function<void()> what = {}) : on_flush(std::move(what)) {}
    void flush() override {
        ++flushes;
        if (on_flush) on_flush();
    }
    void cut() override { is_cut = true; }

    std::function<void()> on_flush;
    int flushes = 0;
    bool is_cut = false;
};

class FlushQueueTest : public testing::Test {
  protected:
    std::vector<std::shared_ptr<Connection>> add_many(std::size_t count, Lane lane) {
        std::vector<std::shared_ptr<Connection>> result;
        for (std::size_t i = 0; i < count; ++i) {
            result.push_back(std::make_shared<Connection>());
            queue.add(result.back(), lane);
        }
        return result;
    }
    static int total(const std::vector<std::shared_ptr<Connection>>& connections) {
        int sum = 0;
        for (const auto& connection : connections) sum += connection->flushes;
        return sum;
    }
    FlushQueue queue;
};

TEST_F(FlushQueueTest, ConnectionIsInALaneUntilItIsFlushed) {
    const auto connection = std::make_shared<Connection>();
    queue.add(connection, Lane::live);
    EXPECT_TRUE(FlushQueue::has(*connection, Lane::live));
    EXPECT_FALSE(FlushQueue::has(*connection, Lane::answers));
    queue.run_slice();
    EXPECT_FALSE(FlushQueue::has(*connection, Lane::live));
    EXPECT_EQ(connection->flushes, 1);
    EXPECT_TRUE(queue.empty());
}

TEST_F(FlushQueueTest, LiveDeliveriesAreFlushedInSlices) {
    const auto crowd = add_many(FlushQueue::kSliceSize + 1, Lane::live);
    queue.run_slice();
    EXPECT_EQ(total(crowd), static_cast<int>(FlushQueue::kSliceSize));
    EXPECT_EQ(crowd.back()->flushes, 0);
    queue.run_due({});
    EXPECT_EQ(crowd.back()->flushes, 1) << "a flush that has begun goes on after each turn";
    EXPECT_TRUE(queue.empty());
}

TEST_F(FlushQueueTest, AnswerDoesNotWaitForACrowd) {
    const auto crowd = add_many(3 * FlushQueue::kSliceSize, Lane::live);
    queue.run_slice();
    const auto answered = std::make_shared<Connection>();
    queue.add(answered, Lane::answers);
    queue.run_slice();
    EXPECT_EQ(answered->flushes, 1);
    EXPECT_LT(total(crowd), 3 * static_cast<int>(FlushQueue::kSliceSize));
}

TEST_F(FlushQueueTest, AnswerThatIsDueDoesNotFlushTheCrowdBeforeItsTime) {
    const auto answered = add_many(1, Lane::answers);
    const auto added = std::chrono::steady_clock::now();
    const auto crowd = add_many(10'000, Lane::live);
    queue.run_due(added + FlushQueue::kGatherAnswer);
    EXPECT_EQ(total(answered), 1);
    EXPECT_EQ(total(crowd), 0);
}

TEST_F(FlushQueueTest, GathersLongerForMoreConnections) {
    const auto before = std::chrono::steady_clock::now();
    const auto few = add_many(2, Lane::live);
    const auto after = std::chrono::steady_clock::now();
    queue.run_due(before + FlushQueue::kGatherLive);
    EXPECT_EQ(total(few), 0);
    queue.run_due(after + 2 * FlushQueue::kGatherLive);
    EXPECT_EQ(total(few), 2);
}

TEST_F(FlushQueueTest, GathersForNoLongerThanTheMost) {
    const auto crowd = add_many(10'000, Lane::live);
    queue.run_due(std::chrono::steady_clock::now() + FlushQueue::kGatherLiveMost);
    EXPECT_EQ(total(crowd), static_cast<int>(FlushQueue::kSliceSize));
    const auto answered = add_many(10'000, Lane::answers);
    queue.run_due(std::chrono::steady_clock::now() + FlushQueue::kGatherAnswersMost);
    EXPECT_EQ(total(answered), 10'000);
}

TEST_F(FlushQueueTest, ConnectionThatAppendsWhileFlushedIsFlushedAgain) {
    std::shared_ptr<Connection> connection;
    connection = std::make_shared<Connection>([&] {
        if (connection->flushes == 1) queue.add(connection, Lane::answers);
    });
    queue.add(connection, Lane::live);
    queue.run_slice();
    EXPECT_FALSE(queue.empty());
    queue.run_slice();
    EXPECT_EQ(connection->flushes, 2);
    EXPECT_TRUE(queue.empty());
}

TEST_F(FlushQueueTest, ConnectionWhoseFlushThrowsIsCutAndTheOthersAreFlushed) {
    const auto broken = std::make_shared<Connection>([] { throw std::runtime_error("no memory"); });
    const auto whole = std::make_shared<Connection>();
    queue.add(broken, Lane::live);
    queue.add(whole, Lane::live);
    queue.run_slice();
    EXPECT_TRUE(broken->is_cut);
    EXPECT_EQ(whole->flushes, 1);
    EXPECT_FALSE(whole->is_cut);
}

TEST_F(FlushQueueTest, LetsGoOfAConnectionOnceItIsFlushed) {
    auto connection = std::make_shared<Connection>();
    const std::weak_ptr<Connection> watched = connection;
    queue.add(std::move(connection), Lane::live);
    EXPECT_FALSE(watched.expired());
    queue.run_slice();
    EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace parrhesia::net
