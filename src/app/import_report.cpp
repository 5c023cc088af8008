#include "app/import_report.hpp"

#include "parrhesia/protocol/reply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ostream>

namespace parrhesia::app {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{200};
constexpr std::chrono::milliseconds kPlainInterval{5000};

std::string duration_words(double seconds) {
    const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
    return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

}  // namespace

ImportReport::ImportReport(std::ostream& err, const base::Clock& clock, ImportReportOptions options)
    : err_(err), clock_(clock), options_(options), started_(clock.now()), reported_(started_) {}

void ImportReport::add_stored(store::PutStatus status) noexcept {
    switch (status) {
        case store::PutStatus::stored:
            ++counts_.stored;
            break;
        case store::PutStatus::duplicate:
            ++counts_.duplicates;
            break;
        case store::PutStatus::superseded:
            ++counts_.superseded;
            break;
        case store::PutStatus::deleted:
            ++counts_.deleted;
            break;
        case store::PutStatus::failed:
            break;
    }
}

void ImportReport::add_refused(std::uint64_t line_number, const base::Refusal& refusal) {
    ++counts_.refused;
    ++counts_.refused_by_reason[std::string(
        protocol::reason_label(base::make_error_code(refusal.code)))];
    if (counts_.refused > options_.show_rejected) return;
    end_progress();
    err_ << fmt::format("{} {}: {}\n", options_.thing, line_number, refusal.text);
    if (counts_.refused == options_.show_rejected) {
        err_ << fmt::format("further refused {} are counted, not shown\n", options_.things);
    }
}

void ImportReport::progress(std::uint64_t done_size) {
    const base::SteadyTime now = clock_.now();
    if (now - reported_ < (options_.is_terminal ? kTerminalInterval : kPlainInterval)) return;
    reported_ = now;
    const double seconds = std::max(seconds_since_start(), 1e-3);
    std::string text = fmt::format("{} {}, {:.0f}/s", counts_.lines, options_.things,
                                   static_cast<double>(counts_.lines) / seconds);
    if (options_.input_size && done_size != 0) {
        const auto total = static_cast<double>(*options_.input_size);
        const auto done = std::min(static_cast<double>(done_size), total);
        text += fmt::format(", {:.0f} %, {} left", total > 0 ? 100 * done / total : 100.0,
                            duration_words(done > 0 ? seconds * (total - done) / done : 0));
    }
    if (options_.is_terminal) {
        err_ << '\r' << text << "\x1b[K" << std::flush;
        is_line_open_ = true;
    } else {
        err_ << text << std::endl;
    }
}

void ImportReport::end_progress() {
    if (is_line_open_) err_ << "\r\x1b[K" << std::flush;
    is_line_open_ = false;
}

std::string ImportReport::summary() const {
    const double seconds = seconds_since_start();
    std::string text = fmt::format(
        "{} {} read: {} stored, {} duplicates, {} superseded, {} refused; {:.1f} s, {:.0f}/s\n",
        counts_.lines, options_.things, counts_.stored, counts_.duplicates, counts_.superseded,
        counts_.refused, seconds, static_cast<double>(counts_.lines) / std::max(seconds, 1e-3));
    if (counts_.deleted != 0) {
        text +=
            fmt::format("  left out because their authors want them gone: {}\n", counts_.deleted);
    }
    for (const auto& [reason, count] : counts_.refused_by_reason) {
        text += fmt::format("  refused as {}: {}\n", reason, count);
    }
    return text;
}

double ImportReport::seconds_since_start() const {
    return std::chrono::duration<double>(clock_.now() - started_).count();
}

}  // namespace parrhesia::app
