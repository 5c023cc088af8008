#include "req_run.hpp"

#include "relay_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace parrhesia::bench {
namespace {

using Number = EventTable::Number;

// An event that is not of the corpus.
constexpr Number kUnknown = std::numeric_limits<Number>::max();
// The body of every so many events is compared, the id of each.
constexpr std::uint64_t kBodyCheckEvery = 16;

std::string name_of(std::size_t asked_count) { return fmt::format("q{}", asked_count); }

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace

ReqRun::ReqRun(const ReqOptions& options)
    : Run(options.common), settings_(options), events_(EventTable::load(options.corpus)) {
    queries_ = Mixes(events_).make(options.mix, options.distinct, options.limit);
    us_of_page_.resize(queries_.back().page + 1);
}

Report ReqRun::run() {
    open_clients(settings_.connections);
    asked_.resize(client_count());
    start_clock();
    if (settings_.rate > 0) {
        schedule_rate();
    } else {
        for (std::size_t c = 0; c < client_count(); ++c) ask(client(c), Clock::now());
    }
    const bool is_complete = run_until_quiet(std::chrono::seconds(15));

    Report report = make_report("req", "delivery", delivered_);
    const double seconds = report.get("seconds");
    report.set("requests", static_cast<double>(answered_));
    report.set("requests_per_second", static_cast<double>(answered_) / seconds);
    report.set("server_cpu_us_per_request",
               1e6 * report.get("server_cpu_seconds") / static_cast<double>(answered_));
    report.set("distinct_queries", static_cast<double>(queries_.size()));
    if (us_of_page_.size() > 1) report_pages(report);
    if (!is_complete) {
        fail_if(report, settings_.requests - answered_, "requests without EOSE for 15 s");
    }
    fail_if(report, refused_, "requests closed or unanswerable, the first: " + first_refusal_);
    fail_if(report, missing_, "events missing");
    fail_if(report, duplicate_, "events sent twice");
    fail_if(report, wrong_, "events that do not match, or are not what was published");
    fail_if(report, unordered_, "answers not newest first");
    return report;
}

void ReqRun::schedule_rate() {
    const std::chrono::duration<double> interval(1 / settings_.rate);
    const TimePoint start = Clock::now();
    loop_.schedule(start, [this, start, interval, count = std::size_t{0}](TimePoint now) mutable {
        for (;; ++count) {
            if (count == settings_.requests) return TimePoint::max();
            const TimePoint due = start + std::chrono::duration_cast<Clock::duration>(
                                              interval * static_cast<double>(count));
            if (due > now) return due;
            std::size_t c = 0;
            while (c < client_count() && asked_[c].is_busy) ++c;
            if (c < client_count()) {
                ask(client(c), due);
            } else {
                due_.push_back(due);
            }
        }
    });
}

void ReqRun::ask(Client& client, TimePoint due) {
    if (next_ == settings_.requests) return;
    Asked& asked = asked_[client.number()];
    asked.is_busy = true;
    asked.query = next_++ % queries_.size();
    asked.due = due;
    asked.received.clear();
    ++asked.asked_count;
    client.send_text(fmt::format(R"(["REQ","{}",{}])", name_of(asked.asked_count),
                                 queries_[asked.query].filter));
}

void ReqRun::on_text(Client& client, std::string_view text) {
    using Type = RelayMessage::Type;
    const RelayMessage message = parse_relay_message(text);
    Asked& asked = asked_[client.number()];
    const bool is_mine = asked.is_busy && message.name == name_of(asked.asked_count);
    if (message.type == Type::event && is_mine) return on_event(asked, message.rest);
    if (message.type == Type::eose && is_mine) return on_eose(client);
    if (message.type == Type::event) {
        ++wrong_;
        return;
    }
    if (refused_++ == 0) first_refusal_ = std::string(text.substr(0, 200));
    if (message.type == Type::closed && is_mine) on_eose(client);
}

void ReqRun::on_event(Asked& asked, std::string_view json) {
    const auto number = events_.find(find_event_id(json));
    const bool is_checked = ++delivered_ % kBodyCheckEvery == 0;
    const bool is_right = number && (!is_checked || events_.is_same(*number, json));
    asked.received.push_back(is_right ? *number : kUnknown);
}

void ReqRun::on_eose(Client& client) {
    const TimePoint now = Clock::now();
    Asked& asked = asked_[client.number()];
    const Query& query = queries_[asked.query];
    const std::uint64_t latency = nanoseconds_since(asked.due, now);
    latency_.record(latency);
    us_of_page_[query.page].push_back(static_cast<double>(latency) / 1000);
    count_done(now, asked.received.size());
    if (asked.received != query.answer) check(query, asked.received);
    asked.is_busy = false;
    client.send_text(fmt::format(R"(["CLOSE","{}"])", name_of(asked.asked_count)));
    if (++answered_ == settings_.requests) {
        loop_.stop();
    } else if (settings_.rate <= 0) {
        ask(client, now);
    } else if (!due_.empty()) {
        ask(client, due_.front());
        due_.pop_front();
    }
}

// The slow way, for answers that are not exactly the expected list.
void ReqRun::check(const Query& query, std::vector<Number>& received) {
    std::int64_t last = std::numeric_limits<std::int64_t>::max();
    bool is_ordered = true;
    for (const Number number : received) {
        if (number == kUnknown) continue;
        is_ordered = is_ordered && events_[number].created_at() <= last;
        last = events_[number].created_at();
    }
    if (!is_ordered) ++unordered_;

    std::sort(received.begin(), received.end());
    const auto unique_end = std::unique(received.begin(), received.end());
    duplicate_ += static_cast<std::uint64_t>(received.end() - unique_end);
    received.erase(unique_end, received.end());

    const auto has = [](const std::vector<Number>& numbers, Number number) {
        return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
    };
    std::size_t right = 0;
    for (const Number number : received) {
        if (has(query.answer, number) || has(query.ties, number)) {
            ++right;
        } else {
            ++wrong_;
        }
    }
    missing_ += query.answer.size() - std::min(right, query.answer.size());
    wrong_ += right - std::min(right, query.answer.size());  // more than the limit
    // A tie may stand only for an event as old as itself.
    const std::int64_t oldest =
        query.answer.empty() ? 0 : events_[query.answer.back()].created_at();
    for (const Number number : query.answer) {
        if (events_[number].created_at() > oldest && !has(received, number) &&
            right >= query.answer.size()) {
            ++missing_;
        }
    }
}

void ReqRun::report_pages(Report& report) {
    // The last page may be short: the one before it is the last that is full.
    const std::size_t last = us_of_page_.size() - 2;
    report.set("pages", static_cast<double>(us_of_page_.size()));
    if (us_of_page_[last].empty()) return;
    report.set("first_page_us", median(us_of_page_[0]));
    report.set("last_page_us", median(us_of_page_[last]));
    report.set("last_page_to_first", median(us_of_page_[last]) / median(us_of_page_[0]));
}

}  // namespace parrhesia::bench
