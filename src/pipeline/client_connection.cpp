#include "pipeline/client_connection.hpp"

#include "parrhesia/protocol/reply.hpp"

#include "pipeline/ingest.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace parrhesia::pipeline {
namespace {

// Stored queries of one connection at one time. More would let a client that opens all its
// subscriptions at once queue more pages than it can be expected to take.
constexpr std::size_t kRunningQueries = 8;

}  // namespace

ClientConnection::ClientConnection(Shard& shard, Client& client)
    : shard_(shard), client_(client), id_(shard.add(*this)) {}

ClientConnection::~ClientConnection() {
    subscriptions_.clear();
    shard_.remove(id_);
}

bool ClientConnection::wants_input() const noexcept {
    return !paused_ && events_in_flight_ < shard_.core().limits.events_in_flight &&
           bytes_in_flight_ < shard_.core().max_bytes_in_flight;
}

void ClientConnection::on_text(std::string_view text) {
    if (ending_) return;
    protocol::ClientMessage message = shard_.parser().parse(text);
    std::visit([this](auto& alternative) { on_message(alternative); }, message);
    // Whatever the answer was: a client that never reads its answers ends like any slow reader.
    if (!ending_) static_cast<void>(may_queue(0));
}

void ClientConnection::on_binary() {
    if (ending_) return;
    shard_.core().metrics.bad_messages.add();
    send_notice(
        {base::Errc::malformed_message, "binary messages are not part of NIP-01, send text"});
    static_cast<void>(may_queue(0));
}

void ClientConnection::on_message(const protocol::EventMessage& message) {
    Core& core = shard_.core();
    core.metrics.event_messages.add();
    const auto received_at = core.clock.now();
    const auto admitted = admit(shard_, id_, message.event, received_at, events_in_flight_ != 0);
    if (admitted.has_error()) {
        core.metrics.events_refused.add();
        core.metrics.count_refusal(admitted.error().code);
        send_ok(message.event->id(), false, protocol::to_client(admitted.error()));
    } else if (*admitted == Admitted::delivered) {
        core.metrics.events_ephemeral.add();
        send_ok(message.event->id(), true, "");
        core.metrics.ok_seconds.observe(core.clock.now() - received_at);
        if (!paused_) paused_ = shard_.pause_when_crowded(id_);
    } else {
        ++events_in_flight_;
        bytes_in_flight_ += message.event->memory_bytes();
    }
}

void ClientConnection::on_outcome(const store::WriteOutcome& outcome) {
    PipelineMetrics& metrics = shard_.core().metrics;
    const bool had_no_credit = !wants_input();
    --events_in_flight_;
    bytes_in_flight_ -= outcome.request.event->memory_bytes();
    const event::Id id = outcome.request.event->id();
    switch (outcome.result.status) {
        case store::PutStatus::stored:
            metrics.events_stored.add();
            send_ok(id, true, "");
            break;
        case store::PutStatus::duplicate:
            metrics.events_duplicate.add();
            send_ok(id, true, protocol::to_client(make_error_code(base::Errc::duplicate)));
            break;
        case store::PutStatus::superseded:
            metrics.events_superseded.add();
            send_ok(id, false, protocol::to_client(make_error_code(base::Errc::superseded)));
            break;
        case store::PutStatus::deleted:
            metrics.events_deleted.add();
            send_ok(id, false, protocol::to_client(outcome.result.error));
            break;
        case store::PutStatus::failed:
            metrics.events_failed.add();
            send_ok(id, false, protocol::to_client(outcome.result.error));
            break;
    }
    metrics.ok_seconds.observe(shard_.core().clock.now() - outcome.request.received_at);
    if (had_no_credit) client_.resume_reading();
}

void ClientConnection::resume() {
    paused_ = false;
    if (wants_input()) client_.resume_reading();
}

void ClientConnection::on_message(protocol::ReqMessage& message) {
    Core& core = shard_.core();
    core.metrics.req_messages.add();
    const auto received_at = core.clock.now();
    const auto existing = subscriptions_.find(message.subscription_id);
    const std::size_t others = subscriptions_.size() - (existing == subscriptions_.end() ? 0U : 1U);
    const std::size_t other_items =
        filter_items_ - (existing == subscriptions_.end() ? 0U : existing->second->filter_items());
    auto refusal = policy::check_req(message.filters, {others, other_items}, core.limits);
    if (core.refusing.load(std::memory_order_relaxed)) {
        refusal = base::Refusal{base::Errc::shutting_down,
                                make_error_code(base::Errc::shutting_down).message()};
    }
    // The same id again replaces the subscription, silently (NIP-01); refused or not, the old one
    // ends.
    drop(message.subscription_id);
    if (refusal) {
        core.metrics.count_refusal(refusal->code);
        send_closed(message.subscription_id, *refusal);
        return;
    }
    policy::clamp_limits(message.filters, core.limits);
    filter_items_ += policy::count_items(message.filters);
    auto escaped_id = protocol::escape_subscription_id(message.subscription_id);
    subscriptions_.emplace(message.subscription_id,
                           std::make_unique<Subscription>(shard_, *this, std::move(escaped_id),
                                                          std::move(message.filters), received_at));
    waiting_.push_back(std::move(message.subscription_id));
    start_waiting_queries();
}

void ClientConnection::on_message(const protocol::CloseMessage& message) {
    shard_.core().metrics.close_messages.add();
    drop(message.subscription_id);  // NIP-01 defines no reply
}

void ClientConnection::drop(std::string_view subscription_id) {
    const auto found = subscriptions_.find(subscription_id);
    if (found == subscriptions_.end()) return;
    if (found->second->is_running()) --running_queries_;
    filter_items_ -= found->second->filter_items();
    std::erase(waiting_, subscription_id);
    subscriptions_.erase(found);
    start_waiting_queries();
}

void ClientConnection::on_message(const protocol::BadMessage& message) {
    shard_.core().metrics.bad_messages.add();
    shard_.core().metrics.count_refusal(message.refusal.code);
    if (message.event_id) {
        send_ok(*message.event_id, false, protocol::to_client(message.refusal));
    } else if (message.subscription_id) {
        drop(*message.subscription_id);  // what is told CLOSED is closed
        send_closed(*message.subscription_id, message.refusal);
    } else {
        send_notice(message.refusal);
    }
}

void ClientConnection::start_waiting_queries() {
    while (running_queries_ < kRunningQueries && !waiting_.empty()) {
        const auto found = subscriptions_.find(waiting_.front());
        waiting_.pop_front();
        ++running_queries_;
        found->second->start_stored();
    }
}

void ClientConnection::on_stored_done(Subscription&) {
    --running_queries_;
    start_waiting_queries();
}

void ClientConnection::on_failed(Subscription& subscription, base::error_code why) {
    --running_queries_;
    filter_items_ -= subscription.filter_items();
    if (why.category() == base::relay_category()) {
        shard_.core().metrics.count_refusal(static_cast<base::Errc>(why.value()));
    }
    std::string closed;
    protocol::append_closed(closed, subscription.escaped_id(), protocol::to_client(why));
    client_.send({closed});
    const auto found = std::find_if(
        subscriptions_.begin(), subscriptions_.end(),
        [&subscription](const auto& entry) { return entry.second.get() == &subscription; });
    subscriptions_.erase(found);
    start_waiting_queries();
}

void ClientConnection::on_drained() {
    for (const auto& [id, subscription] : subscriptions_) subscription->on_drained();
}

bool ClientConnection::may_queue(std::size_t bytes) {
    if (ending_) return false;
    if (client_.unsent_bytes() + buffered_bytes_ + bytes <= shard_.core().limits.unsent_bytes) {
        return true;
    }
    ending_ = true;
    // We may be inside a publish() of the index, which must not change: end it in a turn of its
    // own.
    shard_.home().post([shard = &shard_, id = id_] {
        if (ClientConnection* self = shard->find(id)) self->end_slow_reader();
    });
    return false;
}

void ClientConnection::count_buffered(std::ptrdiff_t bytes) noexcept {
    buffered_bytes_ += static_cast<std::size_t>(bytes);
}

void ClientConnection::end_slow_reader() {
    shard_.core().metrics.count_refusal(base::Errc::slow_reader);
    const std::string text = protocol::to_client(make_error_code(base::Errc::slow_reader));
    for (const auto& [id, subscription] : subscriptions_) {
        std::string closed;
        protocol::append_closed(closed, subscription->escaped_id(), text);
        client_.send({closed});
    }
    waiting_.clear();
    subscriptions_.clear();
    filter_items_ = 0;
    client_.close(CloseCode::policy_violation, text);
}

void ClientConnection::send_ok(const event::Id& id, bool accepted, std::string_view text) {
    std::string message;
    protocol::append_ok(message, id, accepted, text);
    client_.send({message});
}

void ClientConnection::send_closed(std::string_view subscription_id, const base::Refusal& refusal) {
    std::string message;
    protocol::append_closed(message, protocol::escape_subscription_id(subscription_id),
                            protocol::to_client(refusal));
    client_.send({message});
}

void ClientConnection::send_notice(const base::Refusal& refusal) {
    std::string message;
    protocol::append_notice(message, protocol::to_client(refusal));
    client_.send({message});
}

}  // namespace parrhesia::pipeline
