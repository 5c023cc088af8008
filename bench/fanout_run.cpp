#include "fanout_run.hpp"

#include "relay_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace parrhesia::bench {
namespace {

// The body of every so many events is compared, the id of each.
constexpr std::uint64_t kBodyCheckEvery = 16;

}  // namespace

FanoutRun::FanoutRun(const FanoutOptions& options)
    : Run(options.common), settings_(options), events_(EventTable::load(options.corpus)) {
    open_.assign(events_.size(), 1);  // the OK
    due_.resize(events_.size());
}

Report FanoutRun::run() {
    const std::vector<LiveFilter> filters = make_live_filters(
        events_, settings_.by, settings_.subscribers, settings_.authors_per_filter);
    expect(filters);
    open_clients(settings_.subscribers, settings_.subscribe_urls);
    open_clients(settings_.publishers);
    subscribe(filters);

    start_clock();
    sample_memory();
    if (settings_.rate > 0) {
        schedule_rate();
    } else {
        for (std::size_t i = 0; i < settings_.window; ++i) publish(Clock::now());
    }
    return finish(run_until_quiet(std::chrono::seconds(10)));
}

void FanoutRun::expect(const std::vector<LiveFilter>& filters) {
    for (const LiveFilter& filter : filters) {
        expected_.push_back(filter.wanted);
        seen_.emplace_back(events_.size());
        for (std::size_t i = 0; i < events_.size(); ++i) {
            if (!(*filter.wanted)[i]) continue;
            ++open_[i];
            ++expected_count_;
        }
    }
}

void FanoutRun::subscribe(const std::vector<LiveFilter>& filters) {
    for (std::size_t s = 0; s < filters.size(); ++s) {
        client(s).send_text(fmt::format(R"(["REQ","live",{}])", filters[s].json));
    }
    start_clock();
    if (!run_until_quiet(std::chrono::seconds(15))) {
        throw std::runtime_error(fmt::format("{} of {} subscriptions have no EOSE after 15 s {}",
                                             filters.size() - ready_, filters.size(),
                                             first_refusal_));
    }
}

void FanoutRun::publish(TimePoint due) {
    if (next_ == events_.size()) return;
    const std::size_t number = next_++;
    due_[number] = due;
    std::string text = R"(["EVENT",)";
    text += events_[number].json();
    text += ']';
    client(settings_.subscribers + number % settings_.publishers).send_text(text);
}

void FanoutRun::schedule_rate() {
    const std::chrono::duration<double> interval(1 / settings_.rate);
    const TimePoint start = Clock::now();
    loop_.schedule(start, [this, start, interval](TimePoint now) {
        while (next_ < events_.size()) {
            const TimePoint due = start + std::chrono::duration_cast<Clock::duration>(
                                              interval * static_cast<double>(next_));
            if (due > now) return due;
            publish(due);
        }
        return TimePoint::max();
    });
}

void FanoutRun::sample_memory() {
    if (options_.pid == 0) return;
    loop_.schedule(Clock::now(), [this](TimePoint now) {
        resident_mb_.push_back(static_cast<double>(use_of(options_.pid).resident_bytes) / 1e6);
        return now + std::chrono::seconds(1);
    });
}

void FanoutRun::on_text(Client& client, std::string_view text) {
    using Type = RelayMessage::Type;
    const RelayMessage message = parse_relay_message(text);
    const bool is_subscriber = client.number() < settings_.subscribers;
    if (message.type == Type::event && is_subscriber) {
        return on_delivery(client.number(), message.rest);
    }
    if (message.type == Type::ok && !is_subscriber) {
        return on_ok(message.name, message.is_accepted, message.rest);
    }
    if (message.type == Type::eose && is_subscriber) {
        count_done(Clock::now(), 0);
        if (++ready_ == settings_.subscribers) loop_.stop();
        return;
    }
    if (refused_++ == 0) first_refusal_ = std::string(text.substr(0, 200));
}

void FanoutRun::on_delivery(std::size_t subscriber, std::string_view json) {
    const TimePoint now = Clock::now();
    ++delivered_;
    count_done(now);
    const auto number = events_.find(find_event_id(json));
    const bool is_checked = delivered_ % kBodyCheckEvery == 0;
    if (!number || *number >= next_ || !(*expected_[subscriber])[*number] ||
        (is_checked && !events_.is_same(*number, json))) {
        ++wrong_;
        return;
    }
    if (seen_[subscriber][*number]) {
        ++duplicate_;
        return;
    }
    seen_[subscriber][*number] = true;
    latency_.record(nanoseconds_since(due_[*number], now));
    one_less(*number, now);
}

void FanoutRun::on_ok(std::string_view hex_id, bool is_accepted, std::string_view words) {
    const TimePoint now = Clock::now();
    const auto number = events_.find(hex_id);
    if (!number || !is_accepted || words.starts_with("\"duplicate:")) {
        if (refused_++ == 0) first_refusal_ = std::string(words.substr(0, 200));
    }
    if (!number) return;
    ok_latency_.record(nanoseconds_since(due_[*number], now));
    count_done(now, 0);
    one_less(*number, now);
}

void FanoutRun::one_less(Number number, TimePoint now) {
    if (--open_[number] > 0) return;
    if (++finished_ == events_.size()) {
        loop_.stop();
    } else if (settings_.rate <= 0) {
        publish(now);
    }
}

Report FanoutRun::finish(bool is_complete) {
    Report report = make_report("fanout", "delivery", delivered_);
    report.set("events", static_cast<double>(next_));
    report.set("events_per_second", static_cast<double>(next_) / report.get("seconds"));
    report.set("expected_deliveries", static_cast<double>(expected_count_));
    report.set("ok_p50_us", static_cast<double>(ok_latency_.at_fraction(0.5)) / 1000);
    report.set("ok_p99_us", static_cast<double>(ok_latency_.at_fraction(0.99)) / 1000);
    if (!resident_mb_.empty()) {
        report.set("resident_first_second_mb",
                   resident_mb_[std::min<std::size_t>(1, resident_mb_.size() - 1)]);
        report.set("resident_peak_mb", *std::max_element(resident_mb_.begin(), resident_mb_.end()));
    }
    fail_if(report, expected_count_ - std::min(expected_count_, delivered_ - wrong_ - duplicate_),
            "deliveries missing");
    if (!is_complete) fail_if(report, events_.size() - finished_, "events not finished for 10 s");
    fail_if(report, duplicate_, "deliveries twice");
    fail_if(report, wrong_, "deliveries that nobody asked for, or not what was published");
    fail_if(report, refused_, "refusals or stray messages, the first: " + first_refusal_);
    return report;
}

}  // namespace parrhesia::bench
