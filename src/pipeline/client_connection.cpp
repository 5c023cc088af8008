#include "pipeline/client_connection.hpp"

#include "parrhesia/policy/query_cost.hpp"
#include "parrhesia/protocol/reply.hpp"

#include "pipeline/ingest.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

namespace parrhesia::pipeline {
namespace {

// What a COUNT costs, in the rows of a REQ: an event that is counted is neither copied nor sent,
// and count_events bounds how many are.
std::uint32_t rows_of_count(const policy::Limits& limits) noexcept {
    constexpr std::size_t kCountedForOneSent = 10;
    constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(limits.count_events / kCountedForOneSent, kMost));
}

}  // namespace

ClientConnection::ClientConnection(Shard& shard, Client& client, const Peer& peer)
    : shard_(shard),
      client_(client),
      peer_(peer),
      id_(shard.add(*this)),
      rates_(shard.core().rates, peer.address, peer.exempt, shard.core().clock.now()),
      identity_(shard.core(), peer.local_port) {
    if (shard_.core().options.challenge_at_connect) send_challenge();
}

ClientConnection::~ClientConnection() {
    subscriptions_.clear();
    counts_.clear();
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
    const event::Event& event = *message.event;
    const auto traffic_class = event::traffic_class_of(event.kind());
    const auto tally = make_tally(event, received_at);
    const auto admitted = admit(shard_, id_, *identity_.viewer(), rates_, message.event,
                                received_at, events_in_flight_ != 0, tally);
    if (admitted.has_error()) {
        core.metrics.events_refused.of(traffic_class).add();
        note_refusal(admitted.error());
        send_ok(event.id(), false, protocol::to_client(admitted.error()));
    } else if (*admitted == Admitted::delivered) {
        core.metrics.events_ephemeral.of(traffic_class).add();
        if (!tally) on_heard(event.id(), traffic_class, received_at, true);
        if (!paused_) paused_ = shard_.pause_when_crowded(id_);
    } else {
        ++events_in_flight_;
        bytes_in_flight_ += event.memory_bytes();
    }
}

std::shared_ptr<Tally> ClientConnection::make_tally(const event::Event& event,
                                                    base::SteadyTime received_at) {
    Core& core = shard_.core();
    if (!core.options.mute_unheard || !event::is_ephemeral(event.kind())) return nullptr;
    return std::make_shared<Tally>(
        core.shards.size(),
        [shard = &shard_, origin = id_, id = event.id(),
         traffic_class = event::traffic_class_of(event.kind()), received_at](bool heard) {
            shard->home().post([=] {
                ClientConnection* self = shard->find(origin);
                if (self != nullptr) self->on_heard(id, traffic_class, received_at, heard);
            });
        });
}

void ClientConnection::on_heard(const event::Id& id, event::TrafficClass traffic_class,
                                base::SteadyTime received_at, bool heard) {
    Core& core = shard_.core();
    if (!heard) core.metrics.count_refusal(base::Errc::muted);
    send_ok(id, heard, heard ? "" : protocol::to_client(base::make_error_code(base::Errc::muted)));
    core.metrics.ok_seconds.of(traffic_class).observe(core.clock.now() - received_at);
}

void ClientConnection::on_outcome(const store::WriteOutcome& outcome) {
    PipelineMetrics& metrics = shard_.core().metrics;
    const bool had_no_credit = !wants_input();
    --events_in_flight_;
    bytes_in_flight_ -= outcome.request.event->memory_bytes();
    const event::Id id = outcome.request.event->id();
    const auto traffic_class = outcome.request.traffic_class;
    if (outcome.result.status != store::PutStatus::stored) {
        rates_.give_back(outcome.request.event->view());
    }
    switch (outcome.result.status) {
        case store::PutStatus::stored:
            metrics.events_stored.of(traffic_class).add();
            send_ok(id, true, "");
            break;
        case store::PutStatus::duplicate:
            metrics.events_duplicate.of(traffic_class).add();
            send_ok(id, true, protocol::to_client(make_error_code(base::Errc::duplicate)));
            break;
        case store::PutStatus::superseded:
            metrics.events_superseded.of(traffic_class).add();
            send_ok(id, false, protocol::to_client(make_error_code(base::Errc::superseded)));
            break;
        case store::PutStatus::deleted:
            metrics.events_deleted.of(traffic_class).add();
            send_ok(id, false, protocol::to_client(outcome.result.error));
            break;
        case store::PutStatus::failed:
            metrics.events_failed.of(traffic_class).add();
            send_ok(id, false, protocol::to_client(outcome.result.error));
            break;
    }
    metrics.ok_seconds.of(traffic_class)
        .observe(shard_.core().clock.now() - outcome.request.received_at);
    if (had_no_credit) client_.resume_reading();
}

void ClientConnection::resume() {
    paused_ = false;
    if (wants_input()) client_.resume_reading();
}

std::optional<base::Refusal> ClientConnection::check_query(
    const std::vector<event::Filter>& filters, const Subscription* replaced,
    std::uint32_t rows_without_limit) const {
    const Core& core = shard_.core();
    if (core.refusing.load(std::memory_order_relaxed)) {
        return base::Refusal{base::Errc::shutting_down,
                             make_error_code(base::Errc::shutting_down).message()};
    }
    policy::OpenSubscriptions others{subscriptions_.size() + counts_.size(), filter_items_};
    if (replaced != nullptr) {
        --others.count;
        others.filter_items -= replaced->filter_items();
    }
    if (auto refusal = policy::check_req(filters, others, core.limits)) return refusal;
    const RelayOptions& options = core.options;
    if (!peer_.exempt) {
        if (auto refusal = policy::check_cost(filters, rows_without_limit, options.max_query_cost,
                                              core.clock.unix_seconds())) {
            return refusal;
        }
    }
    if (auto refusal = policy::check_read(filters, *identity_.viewer(), options.access))
        return refusal;
    return policy::check_marmot_query(filters, options.marmot, core.clock.unix_seconds());
}

void ClientConnection::on_message(protocol::ReqMessage& message) {
    Core& core = shard_.core();
    core.metrics.req_messages.add();
    const auto received_at = core.clock.now();
    const auto existing = subscriptions_.find(message.subscription_id);
    policy::clamp_limits(message.filters, core.limits);
    auto refusal = rates_.req(received_at);
    if (!refusal) {
        refusal = check_query(message.filters,
                              existing == subscriptions_.end() ? nullptr : existing->second.get(),
                              core.limits.default_limit);
    }
    // The same id again replaces the subscription, silently (NIP-01); refused or not, the old one
    // ends.
    drop(message.subscription_id);
    if (refusal) {
        note_refusal(*refusal);
        send_closed(message.subscription_id, *refusal);
        return;
    }
    filter_items_ += policy::count_items(message.filters);
    auto escaped_id = protocol::escape_subscription_id(message.subscription_id);
    subscriptions_.emplace(message.subscription_id,
                           std::make_unique<Subscription>(shard_, *this, std::move(escaped_id),
                                                          std::move(message.filters), received_at));
    waiting_.push_back({std::move(message.subscription_id), nullptr});
    start_waiting_queries();
}

void ClientConnection::on_message(protocol::CountMessage& message) {
    Core& core = shard_.core();
    core.metrics.count_messages.add();
    const auto received_at = core.clock.now();
    for (event::Filter& filter : message.filters) filter.limit.reset();  // a count is of all
    auto refusal = rates_.count(received_at);
    if (!refusal) {
        refusal = check_query(message.filters, nullptr, rows_of_count(core.limits));
    }
    if (refusal) {
        note_refusal(*refusal);
        send_closed(message.query_id, *refusal);
        return;
    }
    counts_.push_back(std::make_unique<CountQuery>(
        shard_, *this, protocol::escape_subscription_id(message.query_id),
        std::move(message.filters), received_at));
    filter_items_ += counts_.back()->filter_items();
    waiting_.push_back({{}, counts_.back().get()});
    start_waiting_queries();
}

void ClientConnection::on_counted(CountQuery& query, const protocol::Count& count) {
    std::string answer;
    protocol::append_count(answer, query.escaped_id(), count);
    client_.send({answer});
    Core& core = shard_.core();
    core.metrics.count_seconds.observe(core.clock.now() - query.received_at());
    remove_count(query);
}

void ClientConnection::on_count_failed(CountQuery& query, base::error_code why) {
    note_failure(why);
    std::string closed;
    protocol::append_closed(closed, query.escaped_id(), protocol::to_client(why));
    client_.send({closed});
    remove_count(query);
}

void ClientConnection::remove_count(CountQuery& query) {
    --running_queries_;
    filter_items_ -= query.filter_items();
    std::erase_if(counts_, [&query](const auto& count) { return count.get() == &query; });
    start_waiting_queries();
}

void ClientConnection::on_message(const protocol::AuthMessage& message) {
    Core& core = shard_.core();
    core.metrics.auth_messages.add();
    const event::Event& event = *message.event;
    auto refusal = rates_.auth(core.clock.now());
    if (!refusal) refusal = identity_.add(event);
    if (refusal) {
        core.metrics.count_refusal(refusal->code);
        send_ok(event.id(), false, protocol::to_client(*refusal));
        return;
    }
    core.metrics.authentications.add();
    send_ok(event.id(), true, "");
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
    std::erase_if(waiting_, [subscription_id](const Waiting& waiting) {
        return waiting.count == nullptr && waiting.subscription_id == subscription_id;
    });
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
    } else if (message.query_id) {
        send_closed(*message.query_id, message.refusal);
    } else {
        send_notice(message.refusal);
    }
}

void ClientConnection::start_waiting_queries() {
    while (!waiting_.empty() && shard_.core().budget.may_start(
                                    {client_.unsent_bytes() + buffered_bytes_, running_queries_})) {
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_queries_;
        if (next.count != nullptr) {
            next.count->start(identity_.viewer());
        } else {
            subscriptions_.find(next.subscription_id)->second->start_stored();
        }
    }
}

void ClientConnection::on_stored_done(Subscription&) {
    --running_queries_;
    start_waiting_queries();
}

void ClientConnection::on_failed(Subscription& subscription, base::error_code why) {
    --running_queries_;
    filter_items_ -= subscription.filter_items();
    note_failure(why);
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
    start_waiting_queries();
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
    for (const auto& count : counts_) {
        std::string closed;
        protocol::append_closed(closed, count->escaped_id(), text);
        client_.send({closed});
    }
    waiting_.clear();
    subscriptions_.clear();
    counts_.clear();
    filter_items_ = 0;
    client_.close(CloseCode::policy_violation, text);
}

void ClientConnection::note_refusal(const base::Refusal& refusal) {
    shard_.core().metrics.count_refusal(refusal.code);
    if (refusal.code == base::Errc::auth_required && !identity_.is_challenged()) send_challenge();
}

void ClientConnection::note_failure(base::error_code why) {
    if (why.category() != base::relay_category()) return;
    shard_.core().metrics.count_refusal(static_cast<base::Errc>(why.value()));
}

void ClientConnection::send_challenge() {
    std::string message;
    protocol::append_auth(message, identity_.make_challenge());
    client_.send({message});
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
