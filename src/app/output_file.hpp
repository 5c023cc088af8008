// Buffered output to a file or pipe whose errors are seen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace parrhesia::app {

// Threading: one thread.
class OutputFile {
  public:
    // Standard output.
    OutputFile();
    // A file, made or emptied. Errors: throws std::runtime_error naming the path.
    explicit OutputFile(const std::string& path);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    // False after the first failure: writing more is pointless.
    [[nodiscard]] bool write(std::string_view text);
    // Writes what is left. To be called at the end; false when something was lost.
    [[nodiscard]] bool finish();

    // The reader of the pipe has gone: no failure of ours.
    [[nodiscard]] bool is_pipe_closed() const noexcept;
    // Names the file and the reason; after a failure.
    [[nodiscard]] std::string error() const;

  private:
    bool flush();

    const std::string name_;
    int descriptor_ = -1;
    bool is_owned_ = false;
    std::string buffer_;
    int errno_ = 0;
};

}  // namespace parrhesia::app
