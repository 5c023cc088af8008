#include "app/import.hpp"

#include "parrhesia/event/kind.hpp"

#include <fmt/format.h>

#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

struct PendingBatch {
    std::shared_ptr<ImportBatch> batch;
    std::future<void> checked;
};

class Importer {
  public:
    Importer(LineReader& input, store::EventStore& store, const ImportOptions& options,
             ImportReport& report)
        : input_(input),
          store_(store),
          options_(options),
          report_(report),
          checker_(options.check_threads, options.limits, options.with_protected) {}

    [[nodiscard]] ImportResult run(const std::function<bool()>& stop_requested) {
        // Each thread has a batch to check and one waiting, while this thread reads and stores.
        const std::size_t window = 2 * std::size_t{options_.check_threads};
        while (result_.end == ImportEnd::complete) {
            while (is_input_open_ && pending_.size() < window && !is_idle()) {
                if (stop_requested()) {
                    is_stopped_ = true;
                    is_input_open_ = false;
                } else {
                    read_batch();
                }
            }
            if (pending_.empty()) return finish();
            store_first();
        }
        return result_;
    }

  private:
    // Nothing to read at this moment, and something to store. A pipe that brings an event now and
    // then must not keep it from the store.
    [[nodiscard]] bool is_idle() { return !pending_.empty() && input_.would_block(); }

    // Hands the next lines to the checker, if there are any.
    void read_batch() {
        auto batch = std::make_shared<ImportBatch>();
        while (batch->lines.size() < options_.batch_events &&
               batch->text.size() < options_.batch_bytes && read_line(*batch)) {
            if (!batch->lines.empty() && input_.would_block()) break;
        }
        batch->end_of_input_bytes = input_.bytes_consumed();
        if (batch->lines.empty()) return;
        std::future<void> checked = checker_.submit(batch);
        pending_.push_back({std::move(batch), std::move(checked)});
    }

    [[nodiscard]] bool read_line(ImportBatch& batch) {
        std::string_view line;
        switch (input_.next(line)) {
            case LineReader::Status::line:
                if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
                batch.lines.push_back(
                    {input_.line_number(), batch.text.size(), line.size(), false});
                batch.text += line;
                return true;
            case LineReader::Status::too_long:
                batch.lines.push_back({input_.line_number(), 0, 0, true});
                return true;
            case LineReader::Status::end:
                break;
            case LineReader::Status::stopped:
                is_stopped_ = true;
                break;
            case LineReader::Status::failed:
                input_error_ = input_.error();
                break;
        }
        is_input_open_ = false;
        return false;
    }

    void store_first() {
        PendingBatch first = std::move(pending_.front());
        pending_.pop_front();
        first.checked.get();
        const ImportBatch& batch = *first.batch;

        std::vector<event::EventPtr> events;
        std::vector<std::uint64_t> line_numbers;
        for (std::size_t i = 0; i < batch.lines.size(); ++i) {
            report_.add_line();
            if (batch.results[i].has_error()) {
                report_.add_refused(batch.lines[i].number, batch.results[i].error());
            } else {
                events.push_back(*batch.results[i]);
                line_numbers.push_back(batch.lines[i].number);
            }
        }
        if (!events.empty()) count(store_.put(events), line_numbers);
        report_.progress(batch.end_of_input_bytes);
    }

    [[nodiscard]] ImportResult finish() const {
        if (!input_error_.empty()) return {ImportEnd::input_failed, input_error_};
        return {is_stopped_ ? ImportEnd::stopped : ImportEnd::complete, {}};
    }

    void count(const std::vector<store::PutResult>& results,
               const std::vector<std::uint64_t>& line_numbers) {
        for (std::size_t i = 0; i < results.size(); ++i) {
            if (results[i].status != store::PutStatus::failed) {
                report_.add_stored(results[i].status);
            } else if (result_.end == ImportEnd::complete) {
                result_ = {ImportEnd::store_failed,
                           fmt::format("line {}: {}", line_numbers[i], results[i].error.message())};
            }
        }
    }

    LineReader& input_;
    store::EventStore& store_;
    const ImportOptions& options_;
    ImportReport& report_;
    bool is_input_open_ = true;
    bool is_stopped_ = false;
    std::string input_error_;
    std::deque<PendingBatch> pending_;
    ImportResult result_;
    BatchChecker checker_;
};

}  // namespace

std::size_t max_line_bytes(const policy::Limits& limits) noexcept {
    return 2 * limits.event_bytes + 4096;
}

ImportResult import_events(LineReader& input, store::EventStore& store,
                           const ImportOptions& options, ImportReport& report,
                           const std::function<bool()>& stop_requested) {
    return Importer(input, store, options, report).run(stop_requested);
}

}  // namespace parrhesia::app
