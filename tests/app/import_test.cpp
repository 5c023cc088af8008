#include "app/import.hpp"

#include "parrhesia/event/verify.hpp"

#include "support/event_generator.hpp"
#include "support/manual_clock.hpp"
#include "support/memory_store.hpp"
#include "support/temporary_folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace parrhesia::app {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImportTest : public ::testing::Test {
  protected:
    [[nodiscard]] static std::string note(const std::string& content, std::int64_t created_at = 5) {
        return std::string(test::make_event("author", {created_at, 1, {}, content})->json()) + "\n";
    }

    ImportResult import_text(const std::string& text) {
        const std::string path = (folder_.path() / "input.jsonl").string();
        std::ofstream(path, std::ios::binary) << text;
        const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        LineReader lines(descriptor, max_line_bytes(options_.limits), [](int) { return true; });
        const ImportResult result =
            import_events(lines, store_, options_, report_, [this] { return stop_; });
        ::close(descriptor);
        return result;
    }

    const test::TemporaryFolder folder_;
    test::MemoryStore store_;
    test::ManualClock clock_{0};
    std::ostringstream err_;
    ImportOptions options_{{}, 2, 10, 4096};
    ImportReport report_{err_, clock_, {false, 3, std::nullopt}};
    bool stop_ = false;
};

TEST_F(ImportTest, StoresEveryEventInManyBatches) {
    std::string text;
    for (int i = 0; i < 95; ++i) text += note(std::to_string(i), i);

    const ImportResult result = import_text(text);

    EXPECT_EQ(result.end, ImportEnd::complete);
    EXPECT_EQ(report_.counts().lines, 95U);
    EXPECT_EQ(report_.counts().stored, 95U);
    EXPECT_EQ(store_.stats().events, 95U);
}

TEST_F(ImportTest, KeepsTheOrderOfTheInput) {
    std::string text;
    for (int i = 0; i < 50; ++i) {
        text +=
            std::string(
                test::make_event("author", {i, 0, {}, "profile " + std::to_string(i)})->json()) +
            "\n";
    }
    import_text(text);

    // Each version replaces the one before; in any other order some would come too late.
    EXPECT_EQ(report_.counts().stored, 50U);
    EXPECT_EQ(report_.counts().superseded, 0U);
}

TEST_F(ImportTest, SecondRunFindsOnlyDuplicates) {
    const std::string text = note("a") + note("b");
    import_text(text);
    import_text(text);

    EXPECT_EQ(report_.counts().stored, 2U);
    EXPECT_EQ(report_.counts().duplicates, 2U);
}

TEST_F(ImportTest, OldVersionOfAReplaceableEventIsSuperseded) {
    const auto profile = [](std::int64_t created_at) {
        return std::string(test::make_event("author", {created_at, 0, {}, ""})->json()) + "\n";
    };
    import_text(profile(20) + profile(10));

    EXPECT_EQ(report_.counts().stored, 1U);
    EXPECT_EQ(report_.counts().superseded, 1U);
}

// NIP-40, NIP-42, NIP-70: an import is a way in like any other.
TEST_F(ImportTest, RefusesWhatHasExpiredAndWhatIsNeverPublished) {
    const auto line = [](event::Kind kind, std::vector<std::vector<std::string>> tags) {
        const auto event = test::make_event("author", {10, kind, std::move(tags), ""});
        return std::string(event->json()) + "\n";
    };
    import_text(line(1, {{"expiration", "20"}}) + line(22242, {}) + line(62, {}) + note("kept"));

    EXPECT_EQ(report_.counts().stored, 1U);
    EXPECT_EQ(report_.counts().refused, 3U);
    EXPECT_EQ(report_.counts().refused_by_reason.at("expired"), 1U);
}

TEST_F(ImportTest, TakesProtectedEventsFromABackupOnly) {
    const std::string line =
        std::string(test::make_event("author", {10, 1, {{"-"}}, ""})->json()) + "\n";
    import_text(line);
    EXPECT_EQ(report_.counts().stored, 0U);
    EXPECT_NE(err_.str().find("--with-protected"), std::string::npos) << err_.str();

    options_.with_protected = true;
    import_text(line);
    EXPECT_EQ(report_.counts().stored, 1U);
}

TEST_F(ImportTest, BlankLinesAreNotCounted) {
    import_text("\n  \t\n" + note("a") + "\r\n");

    EXPECT_EQ(report_.counts().lines, 1U);
    EXPECT_EQ(report_.counts().stored, 1U);
}

TEST_F(ImportTest, RefusesWhatIsNoValidEventAndGoesOn) {
    std::string forged = note("forged");
    const std::size_t sig = forged.find("\"sig\":\"") + 7;
    forged[sig] = forged[sig] == '0' ? '1' : '0';
    std::string altered = note("altered");
    altered.replace(altered.find("altered"), 7, "Altered");
    options_.limits.event_bytes = 1000;

    import_text("not json\n" + note("good") + forged + altered +
                std::string(test::make_event("author", {1, 20001, {}, ""})->json()) + "\n" +
                note(std::string(1200, 'x')) + note(std::string(9000, 'x')) + note("also good"));

    const ImportCounts& counts = report_.counts();
    EXPECT_EQ(counts.lines, 8U);
    EXPECT_EQ(counts.stored, 2U);
    EXPECT_EQ(counts.refused, 6U);
    EXPECT_EQ(counts.refused_by_reason.at("malformed_json"), 1U);
    EXPECT_EQ(counts.refused_by_reason.at("invalid_signature"), 1U);
    EXPECT_EQ(counts.refused_by_reason.at("invalid_id"), 1U);
    EXPECT_EQ(counts.refused_by_reason.at("blocked"), 1U);
    EXPECT_EQ(counts.refused_by_reason.at("too_large"), 2U);
    EXPECT_THAT(err_.str(), HasSubstr("line 1: "));
    EXPECT_THAT(err_.str(), HasSubstr("line 3: the signature"));
    EXPECT_THAT(err_.str(), HasSubstr("line 4: "));
    EXPECT_THAT(err_.str(), ::testing::Not(HasSubstr("line 5: "))) << "three were to be shown";
}

TEST_F(ImportTest, WindowOfCreatedAtDoesNotApply) {
    options_.limits.created_at_past_seconds = 10;
    import_text(note("ancient", 0) + note("from far ahead", 1LL << 40));

    EXPECT_EQ(report_.counts().stored, 2U);
}

TEST_F(ImportTest, StopEndsTheReading) {
    stop_ = true;
    const ImportResult result = import_text(note("a"));

    EXPECT_EQ(result.end, ImportEnd::stopped);
    EXPECT_EQ(store_.stats().events, 0U);
}

TEST_F(ImportTest, WhatWasReadBeforeAStopIsStored) {
    int ends[2] = {-1, -1};
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const std::string text = note("a") + note("b") + "{\"half\":";
    ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    bool is_first = true;
    LineReader lines(ends[0], 10'000, [&is_first](int) { return std::exchange(is_first, false); });

    const ImportResult result =
        import_events(lines, store_, options_, report_, [] { return false; });

    EXPECT_EQ(result.end, ImportEnd::stopped);
    EXPECT_EQ(report_.counts().stored, 2U);
    EXPECT_EQ(report_.counts().refused, 0U);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST_F(ImportTest, StoreThatFailsEndsTheImportWithTheLine) {
    store_.fail_puts = true;
    const ImportResult result = import_text("\n" + note("a") + note("b"));

    EXPECT_EQ(result.end, ImportEnd::store_failed);
    EXPECT_THAT(result.error, HasSubstr("line 2: "));
    EXPECT_EQ(report_.counts().stored, 0U);
}

TEST_F(ImportTest, InputThatCannotBeReadIsAnError) {
    const int folder = ::open(folder_.path().c_str(), O_RDONLY | O_CLOEXEC);
    LineReader lines(folder, 1000, [](int) { return true; });

    const ImportResult result =
        import_events(lines, store_, options_, report_, [] { return false; });

    EXPECT_EQ(result.end, ImportEnd::input_failed);
    EXPECT_EQ(result.error, "Is a directory");
    ::close(folder);
}

}  // namespace
}  // namespace parrhesia::app
