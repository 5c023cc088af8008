#include "app/copy.hpp"

#include "parrhesia/event/kind.hpp"
#include "parrhesia/store/embedded_store.hpp"

#include "app/copy_progress.hpp"
#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/memory_store.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

constexpr std::int64_t kFarAway = 9'000'000'000;

std::vector<std::string> all_of(store::EventStore& store) {
    const auto scan = store.scan({event::Filter()});
    std::vector<std::string> lines;
    store::ScanPage page;
    while (!page.done) {
        if (scan->next({}, page)) throw std::runtime_error("the store cannot be read");
        for (const store::ScanRow& row : page.rows) lines.emplace_back(page.json(row));
    }
    return lines;
}

class CopyTest : public ::testing::Test {
  protected:
    CopyTest() {
        options_.batch_events = 7;
        options_.save = [this](const CopyCheckpoint& checkpoint) { saved_ = checkpoint; };
        options_.stop_requested = [this] { return stop_after_ == 0 || stop_after_-- == 0; };
    }
    static store::PutStatus put(store::EventStore& store, const event::EventPtr& event) {
        return store.put(std::span(&event, 1)).front().status;
    }
    [[nodiscard]] std::unique_ptr<store::EventStore> embedded(const std::string& name) const {
        store::EmbeddedOptions options;
        options.lmdb.path = folder_.path() / name;
        return store::open_embedded_store(options);
    }
    CopyResult copy(store::EventStore& source, store::EventStore& target) {
        report_.emplace(err_, clock_,
                        ImportReportOptions{false, 20, std::nullopt, "events", "event"});
        return copy_events(source, target, options_, *report_);
    }
    [[nodiscard]] std::uint64_t counted(store::EventStore& store) const {
        return count_events(store, [] { return false; }).value_or(0);
    }
    void fill(store::EventStore& store, std::uint64_t seed, int count) const {
        test::EventGenerator generator(seed);
        for (int i = 0; i < count; ++i) {
            const event::EventPtr event = generator.event();
            if (!event::is_ephemeral(event->kind())) put(store, event);
        }
    }

    const test::TemporaryFolder folder_;
    test::MemoryStore source_;
    test::MemoryStore target_;
    test::ManualClock clock_{0};
    std::ostringstream err_;
    std::optional<ImportReport> report_;
    CopyOptions options_;
    CopyCheckpoint saved_;
    int stop_after_ = -1;  // calls; negative: never
};

TEST_F(CopyTest, TargetHasTheSameEvents) {
    fill(source_, 1, 300);
    const CopyResult result = copy(source_, target_);

    EXPECT_EQ(result.end, CopyEnd::complete);
    EXPECT_EQ(all_of(target_), all_of(source_));
    EXPECT_EQ(result.expected, all_of(source_).size());
    EXPECT_EQ(counted(target_), result.expected);
    EXPECT_EQ(report_->counts().stored, result.expected);
}

TEST_F(CopyTest, TwiceIsHarmless) {
    fill(source_, 2, 100);
    ASSERT_EQ(copy(source_, target_).end, CopyEnd::complete);
    const CopyResult again = copy(source_, target_);

    EXPECT_EQ(again.end, CopyEnd::complete);
    EXPECT_EQ(report_->counts().stored, 0U);
    EXPECT_EQ(report_->counts().duplicates, all_of(source_).size());
    EXPECT_EQ(all_of(target_), all_of(source_));
}

TEST_F(CopyTest, StoppedAnywhereItGoesOnFromTheCheckpoint) {
    fill(source_, 3, 200);
    const auto all = all_of(source_);
    for (int stop = 0;; ++stop) {
        test::MemoryStore target;
        saved_ = {};
        options_.from = {};
        stop_after_ = stop;
        if (copy(source_, target).end == CopyEnd::complete) {
            EXPECT_GT(stop, 10);
            return;
        }
        options_.from = saved_;
        stop_after_ = -1;
        const CopyResult rest = copy(source_, target);
        EXPECT_EQ(rest.end, CopyEnd::complete);
        EXPECT_EQ(all_of(target), all) << "stopped after " << stop;
        EXPECT_EQ(rest.expected, all.size()) << "stopped after " << stop;
    }
}

TEST_F(CopyTest, GoingOnReadsOnlyWhatIsNotNewerThanTheCheckpoint) {
    for (int i = 0; i < 50; ++i) put(source_, test::make_event("a", {i, 1, {}, "note"}));
    options_.from = {9, 40, 0};
    const CopyResult result = copy(source_, target_);

    EXPECT_EQ(report_->counts().stored, 10U);
    EXPECT_EQ(result.expected, 50U);
    EXPECT_LT(counted(target_), result.expected);  // the target has lost what was copied before
}

TEST_F(CopyTest, GiftWrapsThatOutlivedARequestToVanishStay) {
    const auto source = embedded("source");
    const auto target = embedded("target");
    const auto of_alice = [](const event::EventDraft& draft) {
        return test::make_event("alice", draft);
    };
    const std::string alice_hex = base::to_hex(of_alice({})->pubkey());
    const auto wrap = [&alice_hex](std::int64_t at, const std::string& content) {
        return test::make_event("somebody", {at, event::kGiftWrap, {{"p", alice_hex}}, content});
    };
    put(*source, wrap(90, "gone"));
    put(*source, of_alice({100, event::kVanish, {{"relay", "ALL_RELAYS"}}, ""}));
    put(*source, wrap(95, "dated back"));
    put(*source, wrap(110, "later"));
    put(*source, of_alice({120, 1, {}, "here again"}));
    ASSERT_EQ(counted(*source), 4U);

    const CopyResult result = copy(*source, *target);
    EXPECT_EQ(all_of(*target), all_of(*source));
    EXPECT_EQ(report_->counts().deleted, 0U);
    EXPECT_EQ(result.expected, 4U);
    EXPECT_EQ(put(*target, of_alice({99, 1, {}, "back"})), store::PutStatus::deleted);
}

TEST_F(CopyTest, DeletionsKeepWhatTheyTookFromComingBack) {
    const auto source = embedded("source");
    const auto target = embedded("target");
    const auto note = test::make_event("a", {10, 1, {}, "taken back"});
    const auto article = [](std::int64_t at) {
        return test::make_event("a", {at, 30023, {{"d", "x"}}, "article"});
    };
    const std::string address = "30023:" + base::to_hex(note->pubkey()) + ":x";
    put(*source, note);
    put(*source, article(10));
    put(*source, test::make_event("a", {20, 5, {{"e", base::to_hex(note->id())}}, ""}));
    put(*source, test::make_event("a", {21, 5, {{"a", address}}, ""}));
    put(*source, article(30));
    ASSERT_EQ(counted(*source), 3U);

    EXPECT_EQ(copy(*source, *target).expected, 3U);
    EXPECT_EQ(all_of(*target), all_of(*source));
    EXPECT_EQ(put(*target, note), store::PutStatus::deleted);
    EXPECT_EQ(put(*target, article(15)), store::PutStatus::deleted);
}

TEST_F(CopyTest, WhatTheTargetWantsGoneIsCountedAndNotMissed) {
    const auto source = embedded("source");
    const auto target = embedded("target");
    const auto note = test::make_event("a", {10, 1, {}, "note"});
    put(*source, note);
    put(*source, test::make_event("a", {10, 0, {}, "old profile"}));
    put(*target, test::make_event("a", {20, 5, {{"e", base::to_hex(note->id())}}, ""}));
    put(*target, test::make_event("a", {20, 0, {}, "new profile"}));

    const CopyResult result = copy(*source, *target);
    EXPECT_EQ(result.end, CopyEnd::complete);
    EXPECT_EQ(report_->counts().deleted, 1U);
    EXPECT_EQ(report_->counts().superseded, 1U);
    EXPECT_EQ(result.expected, 0U);
}

TEST_F(CopyTest, ExpiredEventsStayBehindAndProtectedOnesCome) {
    put(source_, test::make_event("a", {1, 1, {{"expiration", "100"}}, "expired"}));
    put(source_,
        test::make_event("a", {2, 1, {{"expiration", std::to_string(kFarAway)}}, "will expire"}));
    put(source_, test::make_event("a", {3, 1, {{"-"}}, "protected"}));

    const CopyResult result = copy(source_, target_);
    EXPECT_EQ(report_->counts().stored, 2U);
    EXPECT_EQ(result.expected, 1U);  // the other may be gone when somebody counts
}

TEST_F(CopyTest, FailuresNameTheirEnd) {
    fill(source_, 4, 20);
    target_.fail_puts = true;
    const CopyResult target = copy(source_, target_);
    EXPECT_EQ(target.end, CopyEnd::target_failed);
    EXPECT_THAT(target.error, HasSubstr("event "));
    EXPECT_EQ(saved_.until, CopyCheckpoint().until);

    source_.fail_scans = true;
    EXPECT_EQ(copy(source_, target_).end, CopyEnd::source_failed);
    EXPECT_FALSE(count_events(source_, [] { return false; }));
    EXPECT_FALSE(count_events(target_, [] { return true; }));
}

class CopyProgressTest : public ::testing::Test {
  protected:
    [[nodiscard]] CopyProgress progress(const std::string& to = "b") const {
        return {path_, "a", to, clock_};
    }
    const test::TemporaryFolder folder_;
    const std::string path_ = (folder_.path() / "copy.progress").string();
    mutable test::ManualClock clock_{0};
};

TEST_F(CopyProgressTest, WhatWasSavedIsLoaded) {
    EXPECT_FALSE(progress().load());
    CopyProgress first = progress();
    first.save({17, 4, 2});
    first.save({16, 5, 3});
    EXPECT_EQ(progress().load()->until, 17);  // once a second
    first.flush();

    const auto loaded = progress().load();
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->until, 16);
    EXPECT_EQ(loaded->events, 5U);
    EXPECT_EQ(loaded->may_be_gone, 3U);
    first.remove();
    EXPECT_FALSE(progress().load());
}

TEST_F(CopyProgressTest, FileOfAnotherCopyIsRefused) {
    CopyProgress first = progress();
    first.save({17, 4, 2});
    EXPECT_THAT([this] { static_cast<void>(progress("c").load()); },
                ThrowsMessage<std::runtime_error>(HasSubstr("not the progress of this copy")));
    for (const std::string text : {"", "parrhesia copy 1\nfrom a\nto b\n", "events"}) {
        std::ofstream(path_) << text;
        EXPECT_THAT([this] { static_cast<void>(progress().load()); },
                    ThrowsMessage<std::runtime_error>(HasSubstr(path_)));
    }
}

TEST_F(CopyProgressTest, FileThatCannotBeWrittenIsNamed) {
    CopyProgress nowhere("/proc/nowhere/progress", "a", "b", clock_);
    EXPECT_THAT(
        [&nowhere] {
            nowhere.save({17, 4, 2});
        },
        ThrowsMessage<std::runtime_error>(HasSubstr("/proc/nowhere/progress")));
}

}  // namespace
}  // namespace parrhesia::app
