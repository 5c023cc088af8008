// Finds the live subscriptions an event matches.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/position.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/event/filter.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace parrhesia::fanout {

// An event on its way to live subscriptions.
struct Published {
    event::EventPtr event;
    base::Position position;       // seq 0: ephemeral
    base::SteadyTime received_at;  // when this node first saw it
    // As decided where it came in.
    event::TrafficClass traffic_class = event::TrafficClass::generic;
};

// One live subscription, owned by its connection.
class Subscriber {
  public:
    virtual ~Subscriber() = default;
    // Called at most once per event. May change the index it is called from: who is removed is not
    // called any more, who is added is not called for this event.
    virtual void on_event(const Published& published) = 0;
};

// Threading: one instance per io thread, touched only by that thread. No locks.
// Invariant: a filter sits in exactly one kind of bucket, that of its most selective field.
// Lifetime:  holds Subscriber pointers; a subscriber is removed before it dies.
class SubscriptionIndex {
  public:
    SubscriptionIndex();
    ~SubscriptionIndex();
    SubscriptionIndex(const SubscriptionIndex&) = delete;
    SubscriptionIndex& operator=(const SubscriptionIndex&) = delete;

    // `subscriber` must not be in the index.
    void add(Subscriber& subscriber, std::shared_ptr<const std::vector<event::Filter>> filters);
    // No effect for one that is not there.
    void remove(Subscriber& subscriber) noexcept;

    // Calls on_event() once for each subscription with a filter that matches; returns how many.
    std::size_t publish(const Published& published);

    // The same in pieces, with other work between them: begin() decides who is to be called, and
    // each advance() calls up to `max` of them, in order, and returns how many it called. Who is
    // removed meanwhile is not called, nor who is added. One event at a time: begin() only when
    // is_publishing() is false. `published` outlives the last piece.
    void begin(const Published& published);
    std::size_t advance(const Published& published, std::size_t max);
    [[nodiscard]] bool is_publishing() const noexcept;

    [[nodiscard]] std::size_t size() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::fanout
