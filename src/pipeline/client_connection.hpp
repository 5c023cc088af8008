// One client's conversation: understands each message, answers it, keeps the subscriptions.
#pragma once

#include "parrhesia/pipeline/client.hpp"
#include "parrhesia/pipeline/connection.hpp"
#include "parrhesia/protocol/client_message.hpp"
#include "parrhesia/store/writer.hpp"

#include "pipeline/shard.hpp"
#include "pipeline/subscription.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace parrhesia::pipeline {

// Threading: belongs to the shard's io thread.
class ClientConnection final : public Connection, public SubscriptionOwner {
  public:
    ClientConnection(Shard& shard, Client& client);
    ~ClientConnection() override;
    ClientConnection(const ClientConnection&) = delete;
    ClientConnection& operator=(const ClientConnection&) = delete;

    void on_text(std::string_view text) override;
    void on_binary() override;
    void on_drained() override;
    [[nodiscard]] bool wants_input() const noexcept override;

    // The store has decided about an event of this client.
    void on_outcome(const store::WriteOutcome& outcome);
    // The shard has worked off what made it pause this connection.
    void resume();

  private:
    // One for each alternative of protocol::ClientMessage.
    void on_message(const protocol::EventMessage& message);
    void on_message(protocol::ReqMessage& message);
    void on_message(const protocol::CloseMessage& message);
    void on_message(const protocol::BadMessage& message);

    void send_ok(const event::Id& id, bool accepted, std::string_view text);
    void send_closed(std::string_view subscription_id, const base::Refusal& refusal);
    void send_notice(const base::Refusal& refusal);
    // Ends the subscription, if there is one, without a word.
    void drop(std::string_view subscription_id);
    void start_waiting_queries();
    void end_slow_reader();

    // SubscriptionOwner
    [[nodiscard]] Client& client() noexcept override { return client_; }
    [[nodiscard]] bool may_queue(std::size_t bytes) override;
    void count_buffered(std::ptrdiff_t bytes) noexcept override;
    void on_stored_done(Subscription& subscription) override;
    void on_failed(Subscription& subscription, base::error_code why) override;

    // constant after construction
    Shard& shard_;
    Client& client_;
    ConnectionId id_;

    // owned by the io thread
    std::map<std::string, std::unique_ptr<Subscription>, std::less<>> subscriptions_;
    std::deque<std::string> waiting_;  // ids of subscriptions whose query has not started
    std::size_t running_queries_ = 0;
    std::size_t events_in_flight_ = 0;
    std::size_t bytes_in_flight_ = 0;  // of those events
    std::size_t filter_items_ = 0;     // of all subscriptions
    std::size_t buffered_bytes_ = 0;   // live events that wait for an EOSE
    bool ending_ = false;              // judged a slow reader
    bool paused_ = false;              // until resume()
};

}  // namespace parrhesia::pipeline
