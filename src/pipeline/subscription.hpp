// The way of a REQ: into the index first, then the stored events, EOSE, what came in meanwhile,
// live.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/event/filter.hpp"
#include "parrhesia/fanout/subscription_index.hpp"
#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/store/readers.hpp"

#include "pipeline/shard.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace parrhesia::pipeline {

class Subscription;

// What a subscription asks of the connection that owns it.
class SubscriptionOwner {
  public:
    virtual ~SubscriptionOwner() = default;
    [[nodiscard]] virtual Client& client() noexcept = 0;
    // Whose eyes this client looks with at the moment; not null.
    [[nodiscard]] virtual const std::shared_ptr<const policy::Viewer>& viewer() const noexcept = 0;
    // True when `bytes` more may wait for this client; false once it has been judged a slow reader,
    // which ends the connection soon.
    [[nodiscard]] virtual bool may_queue(std::size_t bytes) = 0;
    // Bytes of live events that wait for an EOSE, more (positive) or less.
    virtual void count_buffered(std::ptrdiff_t bytes) noexcept = 0;
    // The stored part is over: another query of this connection may start.
    virtual void on_stored_done(Subscription& subscription) = 0;
    // The stored part failed: the client must be told, and the subscription destroyed by its owner.
    virtual void on_failed(Subscription& subscription, base::error_code why) = 0;
};

// Exactly once at the boundary: the index has it before the query's snapshot is taken, and the mark
// of that snapshot tells for each live event whether the stored part has it.
//
// Threading: belongs to the shard's io thread.
class Subscription final : public fanout::Subscriber {
  public:
    // Enters the index at once: from now on nothing is missed. start_stored() runs the query.
    Subscription(Shard& shard, SubscriptionOwner& owner, std::string escaped_id,
                 std::vector<event::Filter> filters, base::SteadyTime received_at);
    ~Subscription() override;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    void start_stored();
    [[nodiscard]] bool is_running() const noexcept { return query_ != nullptr; }
    // The client has room again.
    void on_drained();
    void on_event(const fanout::Published& published) override;

    [[nodiscard]] const std::string& escaped_id() const noexcept { return escaped_id_; }
    [[nodiscard]] std::size_t filter_items() const noexcept { return filter_items_; }

  private:
    void on_page(const store::QueryPage& page);
    void finish_stored(store::Completeness completeness);

    // constant after construction
    Shard& shard_;
    SubscriptionOwner& owner_;
    const std::string escaped_id_;
    const std::string event_head_;  // ["EVENT","<id>",
    const std::shared_ptr<const std::vector<event::Filter>> filters_;
    const std::size_t filter_items_;
    const base::SteadyTime received_at_;

    // owned by the io thread
    std::shared_ptr<store::Query> query_;
    base::Mark mark_;
    bool live_ = false;
    bool waiting_for_room_ = false;
    std::vector<fanout::Published> buffered_;
    std::size_t buffered_bytes_ = 0;
};

}  // namespace parrhesia::pipeline
