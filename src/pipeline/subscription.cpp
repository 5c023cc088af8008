#include "pipeline/subscription.hpp"

#include "parrhesia/policy/limits.hpp"
#include "parrhesia/protocol/reply.hpp"

#include <utility>

namespace parrhesia::pipeline {
namespace {

// NIP-67.
std::string_view hint_of(store::Completeness completeness) noexcept {
    switch (completeness) {
        case store::Completeness::finished:
            return "finish";
        case store::Completeness::more:
            return "more";
        case store::Completeness::unknown:
            return {};
    }
    return {};
}

std::string make_event_head(std::string_view escaped_id) {
    std::string head;
    protocol::append_event_head(head, escaped_id);
    return head;
}

}  // namespace

Subscription::Subscription(Shard& shard, SubscriptionOwner& owner, std::string escaped_id,
                           std::vector<event::Filter> filters, base::SteadyTime received_at)
    : shard_(shard),
      owner_(owner),
      escaped_id_(std::move(escaped_id)),
      event_head_(make_event_head(escaped_id_)),
      filters_(std::make_shared<const std::vector<event::Filter>>(std::move(filters))),
      filter_items_(policy::count_items(*filters_)),
      received_at_(received_at) {
    shard_.index().add(*this, filters_);
    shard_.core().metrics.subscriptions.add(1);
}

Subscription::~Subscription() {
    shard_.index().remove(*this);
    shard_.core().metrics.subscriptions.add(-1);
    owner_.count_buffered(-static_cast<std::ptrdiff_t>(buffered_bytes_));
    if (query_) query_->cancel();
}

void Subscription::start_stored() {
    store::ScanOptions options;
    options.visibility = owner_.viewer();
    query_ = shard_.core().readers->start(*filters_, std::move(options), shard_.home(),
                                          [this](const store::QueryPage& page) { on_page(page); });
}

void Subscription::on_page(const store::QueryPage& page) {
    if (page.error) {
        owner_.on_failed(*this, page.error);  // destroys this
        return;
    }
    mark_ = page.mark;
    for (const auto& row : page.page.rows) {
        owner_.client().send({event_head_, page.page.json(row), protocol::kEventTail});
    }
    if (page.page.done) {
        finish_stored(page.page.completeness);
    } else if (owner_.client().unsent_bytes() > kStreamBytes) {
        waiting_for_room_ = true;
    } else {
        query_->more();
    }
}

void Subscription::on_drained() {
    if (!std::exchange(waiting_for_room_, false)) return;
    query_->more();
}

void Subscription::finish_stored(store::Completeness completeness) {
    query_.reset();
    std::string eose;
    protocol::append_eose(eose, escaped_id_, hint_of(completeness));
    owner_.client().send({eose});
    Core& core = shard_.core();
    core.metrics.eose_seconds.observe(core.clock.now() - received_at_);

    live_ = true;
    owner_.count_buffered(-static_cast<std::ptrdiff_t>(std::exchange(buffered_bytes_, 0)));
    for (const auto& published : std::exchange(buffered_, {})) on_event(published);
    owner_.on_stored_done(*this);
}

void Subscription::on_event(const fanout::Published& published) {
    if (!live_) {
        const std::size_t bytes = published.event->memory_bytes();
        if (!owner_.may_queue(bytes)) return;
        buffered_.push_back(published);
        buffered_bytes_ += bytes;
        owner_.count_buffered(static_cast<std::ptrdiff_t>(bytes));
        return;
    }
    if (mark_.covers(published.position)) return;  // the stored part had it, or its limit cut it
    if (!owner_.viewer()->shows(published.event->view())) return;
    const std::string_view json = published.event->json();
    if (!owner_.may_queue(json.size())) return;
    owner_.client().deliver({event_head_, json, protocol::kEventTail});
}

}  // namespace parrhesia::pipeline
