// Who is owed which live event while subscriptions come and go. Knows no socket and no clock.
#pragma once

#include "loop.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace parrhesia::bench {

// One subscription, from its REQ to the moment when nothing of it can be under way any more. A
// connection that subscribes again begins another one.
//
// An event is owed to the subscriptions that had their EOSE before it was published and that do not
// leave. Between REQ and EOSE, and after having left, an event may come or not; in no case may it
// come twice, nor one that was acknowledged before the REQ (a subscription here asks for no stored
// ones), nor one that the filter does not match.
//
// Threading: one thread.
class DeliveryLedger {
  public:
    using Number = std::uint32_t;  // events are published in the order of their numbers
    using Span = std::uint64_t;
    using Wanted = std::shared_ptr<const std::vector<bool>>;
    enum class Verdict { good, duplicate, wrong };

    explicit DeliveryLedger(std::size_t events);

    // The REQ is sent.
    [[nodiscard]] Span ask(Wanted wanted);
    // Its EOSE is here.
    void live(Span span);
    // What is published from now on is not owed; what is owed already still is.
    void leave(Span span);
    // CLOSE is sent, or the connection cut. What is still owed is missing if it was published
    // before `overdue`, else excused: it may have been on its way.
    void end(Span span, TimePoint overdue);
    // Nothing can come any more; after end().
    void forget(Span span);

    void published(Number number, TimePoint now);
    void acknowledged(Number number);
    [[nodiscard]] Verdict delivered(Span span, Number number);
    // What is owed to spans that have not ended is missing.
    void finish();

    [[nodiscard]] bool owes(Span span) const;
    [[nodiscard]] std::uint64_t owed() const noexcept { return owed_; }  // at this moment
    [[nodiscard]] std::uint64_t paid() const noexcept { return paid_; }
    [[nodiscard]] std::uint64_t missing() const noexcept { return missing_; }
    [[nodiscard]] std::uint64_t excused() const noexcept { return excused_; }

  private:
    enum class State { asked, live, leaving, ended };
    struct Record {
        Wanted wanted;
        State state = State::asked;
        std::uint64_t asked_at = 0;  // tick
        Number base = 0;             // every event below was acknowledged before the REQ
        std::vector<bool> seen;      // from base on, as far as it was needed
        std::vector<Number> debts;   // rising
    };

    std::unordered_map<Span, Record> spans_;
    Span next_span_ = 1;
    std::uint64_t tick_ = 0;  // orders what happens
    Number published_ = 0;
    Number lowest_open_ = 0;                      // without an OK
    std::vector<std::uint64_t> acknowledged_at_;  // tick; 0: not yet
    std::vector<TimePoint> published_at_;
    std::uint64_t owed_ = 0;
    std::uint64_t paid_ = 0;
    std::uint64_t missing_ = 0;
    std::uint64_t excused_ = 0;
};

}  // namespace parrhesia::bench
