#include "app/copy_progress.hpp"

#include "app/output_file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace parrhesia::app {
namespace {

constexpr std::chrono::seconds kInterval{1};

std::runtime_error unwritable(const std::string& why) {
    return std::runtime_error(why + "; the copy's progress is not kept, so name another file");
}

}  // namespace

CopyProgress::CopyProgress(std::string path, const std::string& from, const std::string& to,
                           const base::Clock& clock)
    : path_(std::move(path)),
      header_(fmt::format("parrhesia copy 1\nfrom {}\nto {}\n", from, to)),
      clock_(clock),
      written_(clock.now() - kInterval) {}

std::optional<CopyCheckpoint> CopyProgress::load() const {
    std::ifstream in(path_, std::ios::binary);
    if (!in) {
        if (errno == ENOENT) return std::nullopt;
        throw std::runtime_error(
            fmt::format("cannot read {}: {}", path_, std::generic_category().message(errno)));
    }
    std::ostringstream all;
    all << in.rdbuf();
    const std::string text = all.str();
    CopyCheckpoint checkpoint;
    std::string until;
    std::string events;
    std::string may_be_gone;
    if (text.starts_with(header_)) {
        std::istringstream numbers(text.substr(header_.size()));
        numbers >> until >> checkpoint.until >> events >> checkpoint.events >> may_be_gone >>
            checkpoint.may_be_gone;
        if (numbers && until == "until" && events == "events" && may_be_gone == "may_be_gone") {
            return checkpoint;
        }
    }
    throw std::runtime_error(
        fmt::format("{} is not the progress of this copy: name another file, or remove it to begin "
                    "from the start",
                    path_));
}

void CopyProgress::save(const CopyCheckpoint& checkpoint) {
    unwritten_ = checkpoint;
    if (clock_.now() - written_ >= kInterval) flush();
}

void CopyProgress::flush() {
    if (!unwritten_) return;
    const std::string beside = path_ + ".new";
    OutputFile out(beside);
    const bool is_written =
        out.write(fmt::format("{}until {}\nevents {}\nmay_be_gone {}\n", header_, unwritten_->until,
                              unwritten_->events, unwritten_->may_be_gone)) &&
        out.finish();
    if (!is_written) throw unwritable(out.error());
    if (std::rename(beside.c_str(), path_.c_str()) != 0) {
        throw unwritable(
            fmt::format("cannot write {}: {}", path_, std::generic_category().message(errno)));
    }
    unwritten_.reset();
    written_ = clock_.now();
}

void CopyProgress::remove() noexcept {
    unwritten_.reset();
    std::remove(path_.c_str());
}

}  // namespace parrhesia::app
