#include "parrhesia/store/writer.hpp"

#include "store/scripted_store.hpp"
#include "store/store_testing.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace parrhesia::test {
namespace {

using store::CommitBatch;
using store::Writer;
using store::WriteRequest;
using store::WriterOptions;

class RecordingListener final : public store::CommitListener {
  public:
    void on_commit(std::shared_ptr<const CommitBatch> batch) override {
        batches.push_back(std::move(batch));
        if (!words.empty()) throw std::runtime_error(words);
    }

    std::vector<std::shared_ptr<const CommitBatch>> batches;  // the writer's, until it has stopped
    std::string words;                                        // thrown, when there are any
};

class WriterTest : public testing::Test {
  protected:
    void start(WriterOptions options = {}) { writer.emplace(store, listener, metrics, options); }
    [[nodiscard]] bool submit(const EventPtr& event, std::uint64_t origin = 0) {
        return writer->submit({event, origin, {}});
    }
    [[nodiscard]] std::string metric(const std::string& name) {
        const std::string text = metrics.render();
        const auto at = text.find("\n" + name + " ");
        if (at == std::string::npos) return "none";
        const auto value = at + name.size() + 2;
        return text.substr(value, text.find('\n', value) - value);
    }

    ScriptedStore store;
    RecordingListener listener;
    base::MetricsRegistry metrics;
    std::optional<Writer> writer;
};

TEST_F(WriterTest, WhatQueuesUpDuringACommitIsTheNextBatch) {
    start();
    store.hold(true);
    const std::vector<EventPtr> events{note(1), note(2), note(3), note(4)};
    ASSERT_TRUE(submit(events[0]));
    store.wait_for_put(1);
    for (std::size_t i = 1; i < events.size(); ++i) ASSERT_TRUE(submit(events[i]));

    store.hold(false);
    writer->stop();

    const auto batches = store.batches();
    ASSERT_EQ(batches.size(), 2U);
    EXPECT_EQ(batches[0], (std::vector<EventPtr>{events[0]}));
    EXPECT_EQ(batches[1], (std::vector<EventPtr>{events[1], events[2], events[3]}));
}

TEST_F(WriterTest, PipelinedEventsWaitForMoreOfThem) {
    WriterOptions options;
    options.pause = std::chrono::milliseconds(500);
    start(options);
    const EventPtr first = note(1);
    const EventPtr second = note(2);
    ASSERT_TRUE(writer->submit({first, 0, {}, true}));
    ASSERT_TRUE(writer->submit({second, 0, {}, true}));

    writer->stop();

    ASSERT_EQ(store.batches().size(), 1U);
    EXPECT_EQ(store.batches().front(), (std::vector<EventPtr>{first, second}));
}

TEST_F(WriterTest, AnEventThatSomebodyWaitsForDoesNotWaitForMore) {
    WriterOptions options;
    options.pause = std::chrono::hours(1);
    start(options);
    ASSERT_TRUE(submit(note(1)));

    writer->stop();  // comes back only if the writer did not pause

    EXPECT_EQ(store.batches().size(), 1U);
}

TEST_F(WriterTest, ReportsEveryRequestWithItsResultInCommitOrder) {
    start();
    store.hold(true);
    for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(submit(note(1), 100 + i));
    store.hold(false);
    writer->stop();

    std::uint64_t next = 0;
    for (const auto& batch : listener.batches) {
        for (const auto& outcome : *batch) {
            EXPECT_EQ(outcome.request.origin, 100 + next);
            EXPECT_EQ(outcome.result.status, PutStatus::stored);
            EXPECT_EQ(outcome.result.position.seq, ++next);
        }
    }
    EXPECT_EQ(next, 5U);
}

TEST_F(WriterTest, ABatchHasAtMostSoManyEvents) {
    WriterOptions options;
    options.max_batch_events = 2;
    start(options);
    store.hold(true);
    ASSERT_TRUE(submit(note(1)));
    store.wait_for_put(1);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(submit(note(1)));
    store.hold(false);
    writer->stop();

    std::vector<std::size_t> sizes;
    for (const auto& batch : store.batches()) sizes.push_back(batch.size());
    EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 2, 2, 1}));
}

TEST_F(WriterTest, RefusesWhatTheInboxHasNoRoomForAndTakesItLater) {
    const EventPtr first = note(1);
    const EventPtr second = note(2);
    WriterOptions options;
    options.inbox_bytes = first->memory_bytes() + second->memory_bytes();  // less than both cost
    start(options);
    store.hold(true);

    EXPECT_TRUE(submit(first));
    store.wait_for_put(1);
    // In the writer's hands it still counts.
    EXPECT_GT(writer->queued_bytes(), 0U);
    EXPECT_FALSE(submit(second));
    store.hold(false);
    while (writer->queued_bytes() != 0) std::this_thread::yield();
    EXPECT_TRUE(submit(second));
    writer->stop();
    EXPECT_EQ(store.batches().size(), 2U);
    EXPECT_EQ(metric("parrhesia_store_queue_bytes"), "0");
}

TEST_F(WriterTest, AnEventLargerThanTheInboxGoesThroughAlone) {
    WriterOptions options;
    options.inbox_bytes = 1;
    start(options);

    EXPECT_TRUE(submit(note(1)));
}

TEST_F(WriterTest, StopCommitsWhatWasSubmittedAndRefusesTheRest) {
    start();
    store.hold(true);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(note(1)));
    store.hold(false);

    writer->stop();
    writer->stop();

    std::size_t committed = 0;
    for (const auto& batch : listener.batches) committed += batch->size();
    EXPECT_EQ(committed, 3U);
    EXPECT_FALSE(submit(note(1)));
    EXPECT_EQ(writer->queued_bytes(), 0U);
}

TEST_F(WriterTest, AFailingListenerDoesNotEndTheWriter) {
    listener.words = "a bug";
    start();
    ASSERT_TRUE(submit(note(1)));
    store.wait_for_put(1);
    ASSERT_TRUE(submit(note(2)));
    writer->stop();

    EXPECT_EQ(store.batches().size(), 2U);
}

TEST_F(WriterTest, CountsOutcomesBatchesAndCommits) {
    store.outcome = PutStatus::superseded;
    start();
    ASSERT_TRUE(submit(note(1)));
    writer->stop();

    EXPECT_EQ(metric("parrhesia_store_events_total{outcome=\"superseded\"}"), "1");
    EXPECT_EQ(metric("parrhesia_store_events_total{outcome=\"stored\"}"), "0");
    EXPECT_EQ(metric("parrhesia_store_batch_events_count"), "1");
    EXPECT_EQ(metric("parrhesia_store_commit_seconds_count"), "1");
}

TEST_F(WriterTest, ManyThreadsSubmitAndNothingIsLost) {
    WriterOptions options;
    options.inbox_bytes = 4096;
    start(options);
    const EventPtr event = note(1);
    constexpr int kThreads = 3;
    constexpr int kEach = 200;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back([&] {
            for (int sent = 0; sent < kEach;) {
                if (submit(event)) {
                    ++sent;
                } else {
                    std::this_thread::yield();
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    writer->stop();

    std::size_t committed = 0;
    for (const auto& batch : listener.batches) committed += batch->size();
    EXPECT_EQ(committed, std::size_t{kThreads * kEach});
}

}  // namespace
}  // namespace parrhesia::test
