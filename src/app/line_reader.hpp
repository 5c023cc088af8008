// Lines of a file or pipe, in constant memory whatever the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace parrhesia::app {

// Threading: one thread.
class LineReader {
  public:
    enum class Status {
        line,
        too_long,  // longer than allowed; skipped up to its end
        end,
        stopped,  // `wait_readable` said so
        failed,   // error() says why
    };
    // Blocks until the descriptor has something to read; false: read no more.
    using WaitReadable = std::function<bool(int descriptor)>;

    // `descriptor` stays open and belongs to the caller.
    LineReader(int descriptor, std::size_t max_line_bytes, WaitReadable wait_readable);

    // Sets `line` without its line end (\n or \r\n), valid until the next call. A last line needs
    // no line end.
    [[nodiscard]] Status next(std::string_view& line);

    // True when the next line has not arrived completely and reading would wait.
    [[nodiscard]] bool would_block();

    [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }  // from 1
    // Up to the end of the last line.
    [[nodiscard]] std::uint64_t bytes_consumed() const noexcept { return consumed_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

  private:
    enum class Fill { more, end, stopped, failed };
    Fill fill();
    Status take(std::size_t size, std::size_t line_end_bytes, std::string_view& line);

    const int descriptor_;
    const std::size_t max_line_bytes_;
    const WaitReadable wait_readable_;

    std::string buffer_;  // what was read; [begin_, end_) is not taken yet
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;  // of it, this much holds no line end
    std::size_t skipped_ = 0;   // bytes of the current line that were thrown away
    std::uint64_t line_number_ = 0;
    std::uint64_t consumed_ = 0;
    std::string error_;
};

}  // namespace parrhesia::app
