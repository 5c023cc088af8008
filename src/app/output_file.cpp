#include "app/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace parrhesia::app {
namespace {
constexpr std::size_t kBufferBytes = 256 * 1024;
}

OutputFile::OutputFile() : name_("standard output"), descriptor_(STDOUT_FILENO) {}

OutputFile::OutputFile(const std::string& path)
    : name_(path),
      descriptor_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)),
      is_owned_(true) {
    if (descriptor_ < 0) {
        throw std::runtime_error(
            fmt::format("cannot write {}: {}", path, std::generic_category().message(errno)));
    }
}

OutputFile::~OutputFile() {
    if (is_owned_ && descriptor_ >= 0) ::close(descriptor_);
}

bool OutputFile::write(std::string_view text) {
    buffer_ += text;
    return buffer_.size() < kBufferBytes ? errno_ == 0 : flush();
}

bool OutputFile::finish() {
    bool is_written = flush();
    if (is_owned_ && descriptor_ >= 0) {
        // Network file systems report a full disk only here.
        if (::close(descriptor_) != 0 && errno_ == 0) {
            errno_ = errno;
            is_written = false;
        }
        descriptor_ = -1;
    }
    return is_written;
}

bool OutputFile::is_pipe_closed() const noexcept { return errno_ == EPIPE; }

std::string OutputFile::error() const {
    return fmt::format("cannot write {}: {}", name_, std::generic_category().message(errno_));
}

bool OutputFile::flush() {
    std::string_view rest = buffer_;
    while (errno_ == 0 && !rest.empty()) {
        const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
        if (count >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(count));
        } else if (errno != EINTR) {
            errno_ = errno;
        }
    }
    buffer_.clear();
    return errno_ == 0;
}

}  // namespace parrhesia::app
