#include "soak_run.hpp"

#include "relay_message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace parrhesia::bench {
namespace {

constexpr std::size_t kOpeningAtOnce = 128;
// The body of every so many deliveries is compared, the id of each.
constexpr std::uint64_t kBodyCheckEvery = 16;
// What was published longer ago than this and is not delivered is missing.
constexpr auto kOverdue = std::chrono::seconds(10);
// After the last delivery: a second one of some event may be behind it.
constexpr auto kAfterglow = std::chrono::milliseconds(500);

std::string name_of(DeliveryLedger::Span span) { return fmt::format("s{}", span); }

std::optional<DeliveryLedger::Span> span_of(std::string_view subscription) {
    DeliveryLedger::Span span = 0;
    if (subscription.empty() || subscription[0] != 's') return std::nullopt;
    const char* end = subscription.data() + subscription.size();
    const auto [stop, error] = std::from_chars(subscription.data() + 1, end, span);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return span;
}

}  // namespace

SoakRun::SoakRun(const SoakOptions& options)
    : Run(options.common),
      settings_(options),
      events_(EventTable::load(options.corpus)),
      filters_(
          make_live_filters(events_, options.by, options.subscribers, options.authors_per_filter)),
      ledger_(events_.size()),
      slots_(options.subscribers),
      due_(events_.size()) {}

Report SoakRun::run() {
    open_clients(settings_.publishers);
    start_clock();
    for (std::size_t i = 0; i < kOpeningAtOnce; ++i) connect(connected_);
    if (!run_until_quiet(std::chrono::seconds(15)) || lost_count() > 0) {
        throw std::runtime_error(fmt::format("{} of {} subscriptions have no EOSE {}",
                                             slots_.size() - ready_, slots_.size(),
                                             first_refusal_));
    }
    start_clock();
    schedule_events();
    schedule_churn();
    schedule_overdue();
    // Between two events of a slow rate it is quiet, too.
    const auto pause = std::chrono::seconds(static_cast<int>(2 / settings_.rate));
    return finish(run_until_quiet(kOverdue + pause));
}

void SoakRun::connect(std::size_t number) {
    if (number >= slots_.size()) return;
    connected_ = std::max(connected_, number + 1);
    Client::Handler& self = *this;
    slots_[number].client =
        std::make_unique<Client>(loop_, self, traffic_, settings_.publishers + number);
    slots_[number].client->start(target_);
}

void SoakRun::on_open(Client& client) {
    if (is_publisher(client)) return Run::on_open(client);
    subscribe(slot_of(client));
}

void SoakRun::subscribe(Slot& slot) {
    slot.filter = random_.below(filters_.size());
    slot.span = ledger_.ask(filters_[slot.filter].wanted);
    slot.client->send_text(
        fmt::format(R"(["REQ","{}",{}])", name_of(*slot.span), filters_[slot.filter].json));
}

void SoakRun::end_span(Slot& slot) {
    ledger_.end(*slot.span, Clock::now() - kOverdue);
    slot.is_settled = slot.is_leaving = false;
}

void SoakRun::resubscribe(Slot& slot) {
    end_span(slot);
    slot.previous = slot.span;
    slot.client->send_text(fmt::format(R"(["CLOSE","{}"])", name_of(*slot.span)));
    subscribe(slot);
    ++resubscribed_;
}

// Only from a task of the loop: nothing else uses the client at that time.
void SoakRun::cut(std::size_t number) {
    Slot& slot = slots_[number];
    end_span(slot);
    slot.client->close();
    ledger_.forget(*slot.span);
    slot.span.reset();
    connect(number);
    ++cut_;
}

void SoakRun::schedule_events() {
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

void SoakRun::schedule_churn() {
    if (settings_.churn <= 0) return;
    const auto interval = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(1 / settings_.churn));
    loop_.schedule(Clock::now() + interval, [this, interval](TimePoint now) {
        if (next_ == events_.size()) return TimePoint::max();
        change_one();
        return now + interval;
    });
}

void SoakRun::schedule_overdue() {
    loop_.schedule(Clock::now(), [this](TimePoint now) {
        for (Slot& slot : slots_) {
            if (slot.is_leaving && now - slot.leaving_since > kOverdue) resubscribe(slot);
        }
        return now + std::chrono::seconds(1);
    });
}

void SoakRun::change_one() {
    // The next one that is settled; none may be, when the relay is slow.
    const std::size_t first = random_.below(slots_.size());
    std::size_t number = first;
    while (!slots_[number].is_settled) {
        number = (number + 1) % slots_.size();
        if (number == first) return;
    }
    if (random_.percent(50)) return cut(number);
    Slot& slot = slots_[number];
    ledger_.leave(*slot.span);
    slot.is_settled = false;
    slot.is_leaving = true;
    slot.leaving_since = Clock::now();
    if (!ledger_.owes(*slot.span)) resubscribe(slot);
}

void SoakRun::publish(TimePoint due) {
    const auto number = static_cast<Number>(next_++);
    due_[number] = due;
    ledger_.published(number, Clock::now());
    std::string text = R"(["EVENT",)";
    text += events_[number].json();
    text += ']';
    client(number % settings_.publishers).send_text(text);
    if (options_.pid != 0 && next_ == (events_.size() + 9) / 10) {
        warm_anonymous_mb_ = static_cast<double>(use_of(options_.pid).anonymous_bytes) / 1e6;
    }
}

void SoakRun::on_text(Client& client, std::string_view text) {
    using Type = RelayMessage::Type;
    const RelayMessage message = parse_relay_message(text);
    if (message.type == Type::event && !is_publisher(client)) {
        on_delivery(slot_of(client), message.name, message.rest);
    } else if (message.type == Type::eose && !is_publisher(client)) {
        on_eose(slot_of(client), message.name);
    } else if (message.type == Type::ok && is_publisher(client)) {
        on_ok(message.name, message.is_accepted, message.rest);
    } else {
        refused(text);
    }
}

void SoakRun::on_eose(Slot& slot, std::string_view subscription) {
    const bool is_awaited = slot.span && !slot.is_settled && !slot.is_leaving;
    if (!is_awaited || subscription != name_of(*slot.span)) {
        return refused("EOSE of " + std::string(subscription));
    }
    count_done(Clock::now(), 0);
    ledger_.live(*slot.span);
    slot.is_settled = true;
    // The relay answers in order: it has seen the CLOSE before this REQ, and sent what came before.
    if (slot.previous) ledger_.forget(*slot.previous);
    slot.previous.reset();
    if (ready_ == slots_.size()) return;
    connect(connected_);
    if (++ready_ == slots_.size()) loop_.stop();
}

void SoakRun::on_delivery(Slot& slot, std::string_view subscription, std::string_view json) {
    const TimePoint now = Clock::now();
    ++delivered_;
    count_done(now);
    const auto span = span_of(subscription);
    const auto number = events_.find(find_event_id(json));
    const bool is_own = span && (span == slot.span || span == slot.previous);
    const bool is_checked = delivered_ % kBodyCheckEvery == 0;
    if (!is_own || !number || (is_checked && !events_.is_same(*number, json))) {
        ++wrong_;
        return;
    }
    switch (ledger_.delivered(*span, *number)) {
        case DeliveryLedger::Verdict::wrong:
            ++wrong_;
            return;
        case DeliveryLedger::Verdict::duplicate:
            ++duplicate_;
            return;
        case DeliveryLedger::Verdict::good:
            break;
    }
    latency_.record(nanoseconds_since(due_[*number], now));
    if (slot.is_leaving && !ledger_.owes(*slot.span)) resubscribe(slot);
    stop_when_done();
}

void SoakRun::on_ok(std::string_view hex_id, bool is_accepted, std::string_view words) {
    const TimePoint now = Clock::now();
    const auto number = events_.find(hex_id);
    if (!number || !is_accepted || words.starts_with("\"duplicate:")) refused(words);
    if (!number || *number >= next_) return;
    ok_latency_.record(nanoseconds_since(due_[*number], now));
    count_done(now, 0);
    ledger_.acknowledged(*number);
    ++acknowledged_;
    stop_when_done();
}

void SoakRun::refused(std::string_view words) {
    if (refused_++ == 0) first_refusal_ = std::string(words.substr(0, 200));
}

void SoakRun::stop_when_done() {
    if (is_ending_ || acknowledged_ < events_.size() || ledger_.owed() > 0) return;
    is_ending_ = true;
    loop_.schedule(Clock::now() + kAfterglow, [this](TimePoint) {
        loop_.stop();
        return TimePoint::max();
    });
}

Report SoakRun::finish(bool is_complete) {
    ledger_.finish();
    Report report = make_report("soak", "delivery", delivered_);
    report.set("events", static_cast<double>(next_));
    report.set("events_per_second", static_cast<double>(next_) / report.get("seconds"));
    report.set("connections", static_cast<double>(settings_.publishers + slots_.size()));
    report.set("resubscribed", static_cast<double>(resubscribed_));
    report.set("connections_cut", static_cast<double>(cut_));
    report.set("deliveries_owed",
               static_cast<double>(ledger_.paid() + ledger_.missing() + ledger_.excused()));
    report.set("deliveries_excused", static_cast<double>(ledger_.excused()));
    report.set("ok_p50_us", static_cast<double>(ok_latency_.at_fraction(0.5)) / 1000);
    report.set("ok_p99_us", static_cast<double>(ok_latency_.at_fraction(0.99)) / 1000);
    if (options_.pid != 0) report.set("anonymous_warm_mb", warm_anonymous_mb_);
    fail_if(report, ledger_.missing(), "deliveries missing");
    if (!is_complete) fail_if(report, events_.size() - acknowledged_, "events without an OK");
    fail_if(report, duplicate_, "deliveries twice");
    fail_if(report, wrong_, "deliveries that nobody asked for, or not what was published");
    fail_if(report, refused_, "refusals or stray messages, the first: " + first_refusal_);
    return report;
}

}  // namespace parrhesia::bench
