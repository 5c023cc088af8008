#include "delivery_ledger.hpp"

#include <algorithm>
#include <utility>

namespace parrhesia::bench {

DeliveryLedger::DeliveryLedger(std::size_t events)
    : acknowledged_at_(events), published_at_(events) {}

DeliveryLedger::Span DeliveryLedger::ask(Wanted wanted) {
    Record record;
    record.wanted = std::move(wanted);
    record.asked_at = ++tick_;
    record.base = lowest_open_;
    spans_.emplace(next_span_, std::move(record));
    return next_span_++;
}

void DeliveryLedger::live(Span span) { spans_.at(span).state = State::live; }

void DeliveryLedger::leave(Span span) { spans_.at(span).state = State::leaving; }

void DeliveryLedger::end(Span span, TimePoint overdue) {
    Record& record = spans_.at(span);
    for (const Number number : record.debts) {
        ++(published_at_[number] < overdue ? missing_ : excused_);
    }
    owed_ -= record.debts.size();
    record.debts.clear();
    record.state = State::ended;
}

void DeliveryLedger::forget(Span span) { spans_.erase(span); }

void DeliveryLedger::published(Number number, TimePoint now) {
    published_ = number + 1;
    published_at_[number] = now;
    for (auto& [span, record] : spans_) {
        if (record.state != State::live || !(*record.wanted)[number]) continue;
        record.debts.push_back(number);
        ++owed_;
    }
}

void DeliveryLedger::acknowledged(Number number) {
    if (acknowledged_at_[number] == 0) acknowledged_at_[number] = ++tick_;
    while (lowest_open_ < published_ && acknowledged_at_[lowest_open_] != 0) ++lowest_open_;
}

DeliveryLedger::Verdict DeliveryLedger::delivered(Span span, Number number) {
    const auto found = spans_.find(span);
    if (found == spans_.end() || number >= published_) return Verdict::wrong;
    Record& record = found->second;
    if (number < record.base || !(*record.wanted)[number]) return Verdict::wrong;
    const std::uint64_t acknowledged_at = acknowledged_at_[number];
    if (acknowledged_at != 0 && acknowledged_at < record.asked_at) return Verdict::wrong;

    const std::size_t place = number - record.base;
    if (place >= record.seen.size()) record.seen.resize(place + 1);
    if (record.seen[place]) return Verdict::duplicate;
    record.seen[place] = true;

    const auto debt = std::lower_bound(record.debts.begin(), record.debts.end(), number);
    if (debt != record.debts.end() && *debt == number) {
        record.debts.erase(debt);
        --owed_;
        ++paid_;
    }
    return Verdict::good;
}

void DeliveryLedger::finish() {
    for (auto& [span, record] : spans_) {
        missing_ += record.debts.size();
        owed_ -= record.debts.size();
        record.debts.clear();
    }
}

bool DeliveryLedger::owes(Span span) const { return !spans_.at(span).debts.empty(); }

}  // namespace parrhesia::bench
