#include "app/line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace parrhesia::app {
namespace {
constexpr std::size_t kReadBytes = 256 * 1024;
}

LineReader::LineReader(int descriptor, std::size_t max_line_bytes, WaitReadable wait_readable)
    : descriptor_(descriptor),
      max_line_bytes_(max_line_bytes),
      wait_readable_(std::move(wait_readable)),
      // A whole line, its line end and one read fit at any time.
      buffer_(max_line_bytes + 2 + kReadBytes, '\0') {}

LineReader::Status LineReader::next(std::string_view& line) {
    for (;;) {
        const char* const start = buffer_.data() + begin_;
        const std::size_t size = end_ - begin_;
        const void* const found = std::memchr(start + searched_, '\n', size - searched_);
        if (found != nullptr) {
            const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - start);
            return take(length, 1, line);
        }
        searched_ = size;
        if (size > max_line_bytes_ + 1) {  // too long, even if the last byte is the \r of \r\n
            skipped_ += size;
            begin_ = end_ = searched_ = 0;
        }
        switch (fill()) {
            case Fill::more:
                continue;
            case Fill::end:
                if (end_ == begin_ && skipped_ == 0) return Status::end;
                return take(end_ - begin_, 0, line);
            case Fill::stopped:
                return Status::stopped;
            case Fill::failed:
                return Status::failed;
        }
    }
}

bool LineReader::would_block() {
    const std::size_t size = end_ - begin_;
    const char* const unsearched = buffer_.data() + begin_ + searched_;
    if (std::memchr(unsearched, '\n', size - searched_) != nullptr) return false;
    searched_ = size;
    pollfd waiting{descriptor_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 0;
}

LineReader::Status LineReader::take(std::size_t size, std::size_t line_end_bytes,
                                    std::string_view& line) {
    std::string_view text(buffer_.data() + begin_, size);
    const std::size_t whole = skipped_ + size;
    const bool was_skipped = skipped_ != 0;
    begin_ += size + line_end_bytes;
    searched_ = 0;
    skipped_ = 0;
    consumed_ += whole + line_end_bytes;
    ++line_number_;
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (was_skipped || text.size() > max_line_bytes_) return Status::too_long;
    line = text;
    return Status::line;
}

LineReader::Fill LineReader::fill() {
    if (begin_ != 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    for (;;) {
        if (!wait_readable_(descriptor_)) return Fill::stopped;
        const std::size_t room = std::min(kReadBytes, buffer_.size() - end_);
        const ssize_t count = ::read(descriptor_, buffer_.data() + end_, room);
        if (count > 0) {
            end_ += static_cast<std::size_t>(count);
            return Fill::more;
        }
        if (count == 0) return Fill::end;
        if (errno == EINTR || errno == EAGAIN) continue;
        error_ = std::generic_category().message(errno);
        return Fill::failed;
    }
}

}  // namespace parrhesia::app
