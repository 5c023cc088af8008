#include "app/line_reader.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace parrhesia::app {
namespace {

using Status = LineReader::Status;

class LineReaderTest : public ::testing::Test {
  protected:
    LineReaderTest() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
    ~LineReaderTest() override {
        ::close(ends_[0]);
        if (ends_[1] >= 0) ::close(ends_[1]);
    }
    void write(const std::string& text) const {
        EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void end_input() {
        ::close(ends_[1]);
        ends_[1] = -1;
    }
    // Everything that is left, "<too long>" for lines that are.
    static std::vector<std::string> all_of(LineReader& reader) {
        std::vector<std::string> lines;
        std::string_view line;
        for (;;) {
            const Status status = reader.next(line);
            if (status == Status::line) {
                lines.emplace_back(line);
            } else if (status == Status::too_long) {
                lines.emplace_back("<too long>");
            } else {
                return lines;
            }
        }
    }
    std::vector<std::string> lines_of(const std::string& text, std::size_t max = 10) {
        std::thread writer([this, &text] {
            write(text);
            end_input();
        });
        LineReader reader(ends_[0], max, [](int) { return true; });
        std::vector<std::string> lines = all_of(reader);
        writer.join();
        return lines;
    }

    int ends_[2] = {-1, -1};
};

using Lines = std::vector<std::string>;

TEST_F(LineReaderTest, SplitsAtEitherLineEnd) {
    EXPECT_EQ(lines_of("a\nbc\r\n\nd\n"), (Lines{"a", "bc", "", "d"}));
}

TEST_F(LineReaderTest, LastLineNeedsNoEnd) { EXPECT_EQ(lines_of("a\nb"), (Lines{"a", "b"})); }

TEST_F(LineReaderTest, EmptyInputHasNoLines) { EXPECT_EQ(lines_of(""), Lines{}); }

TEST_F(LineReaderTest, LongestLinePassesWithEitherEnd) {
    EXPECT_EQ(lines_of("0123456789\n0123456789\r\n0123456789"),
              (Lines{"0123456789", "0123456789", "0123456789"}));
}

TEST_F(LineReaderTest, LongerLineIsSkippedAndTheNextOneRead) {
    EXPECT_EQ(lines_of("0123456789x\nb\n0123456789xy\r\nc\n" + std::string(100, 'x')),
              (Lines{"<too long>", "b", "<too long>", "c", "<too long>"}));
}

TEST_F(LineReaderTest, HugeLineIsSkippedInConstantMemory) {
    EXPECT_EQ(lines_of(std::string(std::size_t{5} << 20, 'x') + "\nb\n"),
              (Lines{"<too long>", "b"}));
}

TEST_F(LineReaderTest, CountsLinesAndBytes) {
    write("a\r\n" + std::string(300, 'x') + "\nb");
    end_input();
    LineReader reader(ends_[0], 10, [](int) { return true; });
    std::string_view line;

    ASSERT_EQ(reader.next(line), Status::line);
    EXPECT_EQ(reader.line_number(), 1U);
    EXPECT_EQ(reader.bytes_consumed(), 3U);
    ASSERT_EQ(reader.next(line), Status::too_long);
    EXPECT_EQ(reader.line_number(), 2U);
    EXPECT_EQ(reader.bytes_consumed(), 304U);
    ASSERT_EQ(reader.next(line), Status::line);
    EXPECT_EQ(reader.line_number(), 3U);
    EXPECT_EQ(reader.bytes_consumed(), 305U);
    EXPECT_EQ(reader.next(line), Status::end);
}

TEST_F(LineReaderTest, StopsWhereItWouldWait) {
    write("a\nb");
    bool may_wait = true;
    LineReader reader(ends_[0], 10, [&may_wait](int) { return may_wait; });
    std::string_view line;
    ASSERT_EQ(reader.next(line), Status::line);

    may_wait = false;
    EXPECT_EQ(reader.next(line), Status::stopped);
}

TEST_F(LineReaderTest, SaysWhetherTheNextLineIsThere) {
    LineReader reader(ends_[0], 10, [](int) { return true; });
    std::string_view line;
    EXPECT_TRUE(reader.would_block());
    write("a\nb\nc");
    EXPECT_FALSE(reader.would_block());
    ASSERT_EQ(reader.next(line), Status::line);
    EXPECT_FALSE(reader.would_block());
    ASSERT_EQ(reader.next(line), Status::line);
    EXPECT_EQ(line, "b");
    EXPECT_TRUE(reader.would_block());
    write("\n");
    EXPECT_FALSE(reader.would_block());
    ASSERT_EQ(reader.next(line), Status::line);
    EXPECT_EQ(line, "c");
}

TEST_F(LineReaderTest, ReadErrorIsTold) {
    const int folder = ::open("/", O_RDONLY | O_CLOEXEC);
    LineReader reader(folder, 10, [](int) { return true; });
    std::string_view line;

    EXPECT_EQ(reader.next(line), Status::failed);
    EXPECT_EQ(reader.error(), "Is a directory");
    ::close(folder);
}

}  // namespace
}  // namespace parrhesia::app
