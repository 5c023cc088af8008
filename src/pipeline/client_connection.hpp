// One client's conversation: understands each message, answers it, keeps the subscriptions.
#pragma once

#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/pipeline/connection.hpp"
#include "parrhesia/pipeline/peer.hpp"
#include "parrhesia/policy/viewer.hpp"
#include "parrhesia/protocol/client_message.hpp"
#include "parrhesia/store/writer.hpp"

#include "pipeline/count_query.hpp"
#include "pipeline/identity.hpp"
#include "pipeline/shard.hpp"
#include "pipeline/subscription.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::pipeline {

// Threading: belongs to the shard's io thread.
class ClientConnection final : public Connection, public SubscriptionOwner, public CountOwner {
  public:
    ClientConnection(Shard& shard, Client& client, const Peer& peer);
    ~ClientConnection() override;
    ClientConnection(const ClientConnection&) = delete;
    ClientConnection& operator=(const ClientConnection&) = delete;

    void on_text(std::string_view text) override;
    void on_binary() override;
    void on_drained() override;
    [[nodiscard]] bool wants_input() const noexcept override;

    // The store has decided about an event of this client.
    void on_outcome(const store::WriteOutcome& outcome);
    // Every io thread has had the ephemeral event of this client.
    void on_heard(const event::Id& id, event::TrafficClass traffic_class,
                  base::SteadyTime received_at, bool heard);
    // The shard has worked off what made it pause this connection.
    void resume();

  private:
    // One for each alternative of protocol::ClientMessage.
    void on_message(const protocol::EventMessage& message);
    void on_message(protocol::ReqMessage& message);
    void on_message(const protocol::CloseMessage& message);
    void on_message(protocol::CountMessage& message);
    void on_message(const protocol::AuthMessage& message);
    void on_message(const protocol::BadMessage& message);

    void send_ok(const event::Id& id, bool accepted, std::string_view text);
    void send_closed(std::string_view subscription_id, const base::Refusal& refusal);
    void send_notice(const base::Refusal& refusal);
    // Counts it, and sends the challenge first where the answer is to authenticate: the client must
    // hold one when it reads the refusal (NIP-42).
    void note_refusal(const base::Refusal& refusal);
    void note_failure(base::error_code why);
    void send_challenge();
    // Empty: `filters` may run, beside what is open without `replaced`.
    [[nodiscard]] std::optional<base::Refusal> check_query(
        const std::vector<event::Filter>& filters, const Subscription* replaced,
        std::uint32_t rows_without_limit) const;
    [[nodiscard]] std::shared_ptr<Tally> make_tally(const event::Event& event,
                                                    base::SteadyTime received_at);
    // Ends the subscription, if there is one, without a word.
    void drop(std::string_view subscription_id);
    void start_waiting_queries();
    void end_slow_reader();

    // SubscriptionOwner
    [[nodiscard]] Client& client() noexcept override { return client_; }
    [[nodiscard]] const std::shared_ptr<const policy::Viewer>& viewer() const noexcept override {
        return identity_.viewer();
    }
    [[nodiscard]] bool may_queue(std::size_t bytes) override;
    void count_buffered(std::ptrdiff_t bytes) noexcept override;
    void on_stored_done(Subscription& subscription) override;
    void on_failed(Subscription& subscription, base::error_code why) override;

    // CountOwner
    void on_counted(CountQuery& query, const protocol::Count& count) override;
    void on_count_failed(CountQuery& query, base::error_code why) override;
    void remove_count(CountQuery& query);

    // A stored query that waits for its turn: of a subscription, or a count.
    struct Waiting {
        std::string subscription_id;  // when `count` is null
        CountQuery* count = nullptr;
    };

    // constant after construction
    Shard& shard_;
    Client& client_;
    const Peer peer_;
    ConnectionId id_;

    // owned by the io thread
    policy::ClientRates rates_;
    std::map<std::string, std::unique_ptr<Subscription>, std::less<>> subscriptions_;
    std::vector<std::unique_ptr<CountQuery>> counts_;
    std::deque<Waiting> waiting_;
    Identity identity_;
    std::size_t running_queries_ = 0;
    std::size_t events_in_flight_ = 0;
    std::size_t bytes_in_flight_ = 0;  // of those events
    std::size_t filter_items_ = 0;     // of all subscriptions and counts
    std::size_t buffered_bytes_ = 0;   // live events that wait for an EOSE
    bool ending_ = false;              // judged a slow reader
    bool paused_ = false;              // until resume()
};

}  // namespace parrhesia::pipeline
