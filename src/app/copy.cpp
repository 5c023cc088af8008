#include "app/copy.hpp"

#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/parse.hpp"

#include "app/export.hpp"

#include <fmt/format.h>

#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace parrhesia::app {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{4} << 20;

bool takes_others_away(event::Kind kind) noexcept {
    return kind == event::kDeletion || kind == event::kVanish;
}

class Copier {
  public:
    Copier(store::EventStore& source, store::EventStore& target, const CopyOptions& options,
           ImportReport& report)
        : source_(source), target_(target), options_(options), report_(report) {}

    [[nodiscard]] CopyResult run() {
        event::Filter removals;
        removals.kinds = {event::kDeletion, event::kVanish};
        copy(removals, /*are_removals=*/true);
        const std::uint64_t removals_kept = count_.events - count_.may_be_gone;

        count_ = options_.from;
        second_ = count_.until;
        newer_ = count_.events;
        event::Filter rest;
        rest.until = options_.from.until;
        if (result_.end == CopyEnd::complete) copy(rest, /*are_removals=*/false);
        result_.expected = removals_kept + count_.events - count_.may_be_gone;
        return std::move(result_);
    }

  private:
    void copy(const event::Filter& filter, bool are_removals) {
        const auto scan = source_.scan({filter}, {.visibility = unexpired()});
        const store::ScanBudget budget{.max_rows = options_.batch_events, .max_bytes = kBatchBytes};
        store::ScanPage page;
        while (result_.end == CopyEnd::complete && !page.done) {
            if (options_.stop_requested()) {
                result_.end = CopyEnd::stopped;
            } else if (const auto error = scan->next(budget, page)) {
                result_ = {CopyEnd::source_failed, error.message(), 0};
            } else {
                copy_page(page, are_removals);
            }
        }
    }

    void copy_page(const store::ScanPage& page, bool are_removals) {
        std::vector<event::EventPtr> batch;
        for (const store::ScanRow& row : page.rows) {
            if (takes_others_away(row.kind) != are_removals) continue;
            if (row.created_at != second_) {
                second_ = row.created_at;
                newer_ = count_.events;
            }
            ++count_.events;
            report_.add_line();
            auto event = json_.event(page.json(row));
            if (event.has_error()) {
                refuse(row.id, event.error());
                continue;
            }
            batch.push_back(*std::move(event));
        }
        if (!batch.empty()) put(batch);
        if (result_.end != CopyEnd::complete) return;
        report_.progress(report_.counts().lines);
        if (are_removals || page.rows.empty()) return;
        options_.save({second_, newer_, count_.may_be_gone});
    }

    void put(const std::vector<event::EventPtr>& batch) {
        const std::vector<store::PutResult> results = target_.put(batch);
        for (std::size_t i = 0; i < results.size() && result_.end == CopyEnd::complete; ++i) {
            if (results[i].status == store::PutStatus::failed) {
                put_alone(batch[i]);
            } else {
                count(*batch[i], results[i].status);
            }
        }
    }

    // Either the target is in trouble, or it cannot store this one event.
    void put_alone(const event::EventPtr& event) {
        store::PutResult result{store::PutStatus::failed, {}, target_.writable()};
        if (!result.error) result = target_.put(std::span(&event, 1)).front();
        if (result.status != store::PutStatus::failed) {
            count(*event, result.status);
        } else if (target_.writable()) {
            result_ = {
                CopyEnd::target_failed,
                fmt::format("event {}: {}", base::to_hex(event->id()), result.error.message()), 0};
        } else {
            refuse(event->id(),
                   {base::Errc::store_not_writable, "the target does not take this event"});
        }
    }

    void count(const event::Event& event, store::PutStatus status) {
        const bool is_kept =
            status == store::PutStatus::stored || status == store::PutStatus::duplicate;
        if (!is_kept || event.view().expiration() != 0) ++count_.may_be_gone;
        report_.add_stored(status);
    }

    void refuse(const event::Id& id, const base::Refusal& refusal) {
        ++count_.may_be_gone;
        report_.add_refused(report_.counts().lines,
                            {refusal.code, base::to_hex(id) + ": " + refusal.text});
    }

    store::EventStore& source_;
    store::EventStore& target_;
    const CopyOptions& options_;
    ImportReport& report_;
    event::JsonReader json_;
    CopyCheckpoint count_;     // of what was read
    std::int64_t second_ = 0;  // that is being read
    std::uint64_t newer_ = 0;  // events before it
    CopyResult result_;
};

}  // namespace

CopyResult copy_events(store::EventStore& source, store::EventStore& target,
                       const CopyOptions& options, ImportReport& report) {
    return Copier(source, target, options, report).run();
}

std::optional<std::uint64_t> count_events(store::EventStore& store,
                                          const std::function<bool()>& stop_requested) {
    store::ScanOptions options;
    options.want = store::ScanOptions::Want::authors;
    const auto scan = store.scan({event::Filter()}, options);
    const store::ScanBudget budget{.max_rows = 10'000};
    store::ScanPage page;
    std::uint64_t count = 0;
    while (!page.done) {
        if (stop_requested() || scan->next(budget, page)) return std::nullopt;
        count += page.rows.size();
    }
    return count;
}

}  // namespace parrhesia::app
