// What an import, or a copy, tells its operator: refused lines as they come, progress, and the
// summary.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/error.hpp"
#include "parrhesia/store/event_store.hpp"

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace parrhesia::app {

struct ImportCounts {
    std::uint64_t lines = 0;  // that were not blank; events of a copy
    std::uint64_t stored = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t superseded = 0;
    std::uint64_t deleted = 0;  // their authors want them gone (NIP-09, NIP-62)
    std::uint64_t refused = 0;
    std::map<std::string, std::uint64_t> refused_by_reason;
};

struct ImportReportOptions {
    bool is_terminal = false;  // one line, rewritten; otherwise a plain line every few seconds
    std::uint64_t show_rejected = 20;  // lines to name; the rest is only counted
    // Known size, in the unit of progress(): gives percentage and ETA.
    std::optional<std::uint64_t> input_size;
    std::string_view things = "lines";  // what comes in
    std::string_view thing = "line";
};

// Threading: one thread. Lifetime: `err` and `clock` outlive it.
class ImportReport {
  public:
    ImportReport(std::ostream& err, const base::Clock& clock, ImportReportOptions options);

    void add_line() noexcept { ++counts_.lines; }
    void add_stored(store::PutStatus status) noexcept;  // any but failed
    void add_refused(std::uint64_t line_number, const base::Refusal& refusal);
    // After each batch; writes only now and then.
    void progress(std::uint64_t done);
    // Clears the rewritten line, so that other words may follow.
    void end_progress();

    [[nodiscard]] const ImportCounts& counts() const noexcept { return counts_; }
    // "100000 lines read: 99990 stored, ..." and the refusals by reason.
    [[nodiscard]] std::string summary() const;

  private:
    [[nodiscard]] double seconds_since_start() const;

    std::ostream& err_;
    const base::Clock& clock_;
    const ImportReportOptions options_;
    const base::SteadyTime started_;
    base::SteadyTime reported_;
    bool is_line_open_ = false;
    ImportCounts counts_;
};

}  // namespace parrhesia::app
