#include "app/import_batch.hpp"

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/event/visibility.hpp"
#include "parrhesia/policy/kind_rules.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

namespace parrhesia::app {
namespace {

using base::Checked;
using base::Errc;
using base::Refusal;
using event::EventPtr;

Checked<EventPtr> check_line(event::JsonReader& json, const policy::Limits& limits,
                             bool with_protected, std::string_view line) {
    Checked<EventPtr> parsed = json.event(line);
    if (parsed.has_error()) return parsed;
    const event::Event& event = **parsed;
    if (event::is_ephemeral(event.kind())) {
        return Refusal{Errc::blocked,
                       fmt::format("kind {} is ephemeral and never stored", event.kind())};
    }
    // As if it were now what the event says, so that the window of created_at plays no part.
    if (auto refusal = policy::check_event(event, limits, event.created_at())) return *refusal;
    if (event::has_expired(event.view(), base::SystemClock().unix_seconds())) {
        return Refusal{Errc::expired, "the event has expired (NIP-40)"};
    }
    if (auto refusal = policy::check_kind(event.view(), event::KindSet())) return *refusal;
    if (event.view().is_protected() && !with_protected) {
        return Refusal{Errc::blocked,
                       "only its author may publish this event (NIP-70); --with-protected takes it "
                       "from a backup of this relay"};
    }
    if (!event::verify_signature(event)) {
        return Refusal{Errc::invalid_signature,
                       "the signature is not one of the pubkey over the id"};
    }
    return parsed;
}

}  // namespace

void check_batch(event::JsonReader& json, const policy::Limits& limits, bool with_protected,
                 ImportBatch& batch) {
    batch.results.clear();
    batch.results.reserve(batch.lines.size());
    for (const ImportBatch::Line& line : batch.lines) {
        if (line.too_long) {
            batch.results.emplace_back(
                Refusal{Errc::too_large, fmt::format("the line is longer than any event may be "
                                                     "(limits.event_bytes is {})",
                                                     limits.event_bytes)});
        } else {
            const std::string_view text =
                std::string_view(batch.text).substr(line.offset, line.size);
            batch.results.push_back(check_line(json, limits, with_protected, text));
        }
    }
}

BatchChecker::BatchChecker(unsigned threads, const policy::Limits& limits, bool with_protected)
    : limits_(limits), with_protected_(with_protected) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

BatchChecker::~BatchChecker() {
    {
        const std::scoped_lock lock(mutex_);
        stopped_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

std::future<void> BatchChecker::submit(std::shared_ptr<ImportBatch> batch) {
    Job job{std::move(batch), {}};
    std::future<void> done = job.done.get_future();
    {
        const std::scoped_lock lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
    return done;
}

void BatchChecker::run() {
    event::JsonReader json;
    for (;;) {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return stopped_ || !jobs_.empty(); });
        if (stopped_) return;
        Job job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        try {
            check_batch(json, limits_, with_protected_, *job.batch);
            job.done.set_value();
        } catch (...) {  // out of memory: the importing thread says so
            job.done.set_exception(std::current_exception());
        }
    }
}

}  // namespace parrhesia::app
