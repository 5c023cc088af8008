#include "app/export.hpp"

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/parse.hpp"

#include "support/event_generator.hpp"
#include "support/memory_store.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace parrhesia::app {
namespace {

class ExportTest : public ::testing::Test {
  protected:
    void put(int count) {
        std::vector<event::EventPtr> batch;
        for (int i = 0; i < count; ++i) batch.push_back(test::make_event("a", {i, 1, {}, "x"}));
        ASSERT_EQ(store_.put(batch).size(), batch.size());
    }
    [[nodiscard]] std::string written() const {
        std::ifstream in(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    const test::TemporaryFolder folder_;
    const std::string path_ = (folder_.path() / "out.jsonl").string();
    test::MemoryStore store_;
};

TEST_F(ExportTest, WritesEveryEventNewestFirstInManyPages) {
    put(1500);
    OutputFile out(path_);

    const ExportResult result = export_events(store_, {event::Filter{}}, &out);

    EXPECT_EQ(result.events, 1500U);
    EXPECT_FALSE(result.is_output_lost);
    EXPECT_FALSE(result.store_error);
    std::istringstream lines(written());
    std::int64_t expected = 1499;
    event::JsonReader json;
    for (std::string line; std::getline(lines, line); --expected) {
        const auto event = json.event(line);
        ASSERT_TRUE(event.has_value());
        ASSERT_EQ((*event)->created_at(), expected);
    }
    EXPECT_EQ(expected, -1);
}

TEST_F(ExportTest, CountsWithoutOutput) {
    put(10);
    event::Filter filter;
    filter.since = 4;

    EXPECT_EQ(export_events(store_, {filter}, nullptr).events, 6U);
}

// NIP-40, on this way out as on the others.
TEST_F(ExportTest, LeavesOutWhatHasExpired) {
    const std::int64_t now = base::SystemClock().unix_seconds();
    const auto expiring = [](std::int64_t expiration, event::Kind kind) {
        return test::make_event("a", {1, kind, {{"expiration", std::to_string(expiration)}}, ""});
    };
    const auto lasting = expiring(now + 100'000, 1);
    const auto letter = test::make_event("a", {0, 1059, {{"p", std::string(64, 'a')}}, ""});
    ASSERT_EQ(store_.put(std::vector{expiring(now - 1, 1), lasting, letter}).size(), 3U);
    OutputFile out(path_);

    EXPECT_EQ(export_events(store_, {event::Filter{}}, &out).events, 2U);

    EXPECT_EQ(written(), std::string(lasting->json()) + "\n" + std::string(letter->json()) + "\n")
        << "a backup has what is served only to some";
}

TEST_F(ExportTest, StoreThatFailsIsTold) {
    put(1);
    store_.fail_scans = true;
    OutputFile out(path_);

    EXPECT_TRUE(export_events(store_, {event::Filter{}}, &out).store_error);
}

TEST_F(ExportTest, FullDiskIsTold) {
    put(1);
    OutputFile out("/dev/full");

    const ExportResult result = export_events(store_, {event::Filter{}}, &out);

    EXPECT_TRUE(result.is_output_lost);
    EXPECT_FALSE(out.is_pipe_closed());
    EXPECT_EQ(out.error(), "cannot write /dev/full: No space left on device");
}

TEST_F(ExportTest, FileThatCannotBeMadeIsNamed) {
    EXPECT_THROW(OutputFile("/does/not/exist"), std::runtime_error);
}

}  // namespace
}  // namespace parrhesia::app
