// The metrics of the pipeline, registered once and shared by every shard.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/event/kind.hpp"
#include "parrhesia/protocol/reply.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace parrhesia::pipeline {

// One metric for each class of traffic.
template <class Metric>
class PerClass {
  public:
    template <class Make>
    explicit PerClass(Make make) {
        for (std::size_t i = 0; i < each_.size(); ++i) {
            each_[i] = &make(event::name_of(static_cast<event::TrafficClass>(i)));
        }
    }
    [[nodiscard]] Metric& of(event::TrafficClass traffic_class) const noexcept {
        return *each_[static_cast<std::size_t>(traffic_class)];
    }

  private:
    std::array<Metric*, event::kTrafficClasses> each_{};
};

struct PipelineMetrics {
    explicit PipelineMetrics(base::MetricsRegistry& registry)
        : event_messages(message_counter(registry, "event")),
          req_messages(message_counter(registry, "req")),
          close_messages(message_counter(registry, "close")),
          count_messages(message_counter(registry, "count")),
          auth_messages(message_counter(registry, "auth")),
          bad_messages(message_counter(registry, "bad")),
          events_stored(event_counters(registry, "stored")),
          events_duplicate(event_counters(registry, "duplicate")),
          events_superseded(event_counters(registry, "superseded")),
          events_deleted(event_counters(registry, "deleted")),
          events_ephemeral(event_counters(registry, "ephemeral")),
          events_refused(event_counters(registry, "refused")),
          events_failed(event_counters(registry, "failed")),
          ephemeral_dropped(registry.counter(
              "parrhesia_ephemeral_dropped_total",
              "Ephemeral events not handed to an io thread because its queue was full")),
          copies_dropped(registry.counter(
              "parrhesia_copies_dropped_total",
              "Events that arrived a second time and were not delivered again, by each io thread")),
          remote_expired(remote_dropped(registry, "expired")),
          remote_disk(remote_dropped(registry, "disk")),
          remote_overloaded(remote_dropped(registry, "overloaded")),
          deliveries([&](const char* name) -> base::Counter& {
              return registry.counter("parrhesia_deliveries_total",
                                      "Live subscriptions that events matched", {{"class", name}});
          }),
          authentications(registry.counter("parrhesia_authentications_total",
                                           "AUTH messages that were accepted (NIP-42)")),
          subscriptions(registry.gauge("parrhesia_subscriptions", "Open subscriptions")),
          ok_seconds([&](const char* name) -> base::Histogram& {
              return registry.histogram("parrhesia_ok_seconds",
                                        "From reading an EVENT to queueing its OK",
                                        base::latency_buckets(0.00005, 10), {{"class", name}});
          }),
          eose_seconds(registry.histogram("parrhesia_eose_seconds",
                                          "From reading a REQ to queueing its EOSE",
                                          base::latency_buckets(0.00005, 50))),
          count_seconds(registry.histogram("parrhesia_count_seconds",
                                           "From reading a COUNT to queueing its answer",
                                           base::latency_buckets(0.00005, 50))),
          delivery_seconds([&](const char* name) -> base::Histogram& {
              return registry.histogram(
                  "parrhesia_delivery_seconds",
                  "From reading an EVENT to handing it to the live subscriptions it matches",
                  base::latency_buckets(0.00005, 10), {{"class", name}});
          }) {
        for (std::size_t value = 1; value < refusals.size(); ++value) {
            const auto code = base::make_error_code(static_cast<base::Errc>(value));
            refusals[value] =
                &registry.counter("parrhesia_refusals_total", "Messages refused, by reason",
                                  {{"reason", std::string(protocol::reason_label(code))}});
        }
    }

    void count_refusal(base::Errc code) noexcept {
        refusals[static_cast<std::size_t>(code)]->add();
    }

    base::Counter& event_messages;
    base::Counter& req_messages;
    base::Counter& close_messages;
    base::Counter& count_messages;
    base::Counter& auth_messages;
    base::Counter& bad_messages;
    PerClass<base::Counter> events_stored;
    PerClass<base::Counter> events_duplicate;
    PerClass<base::Counter> events_superseded;
    PerClass<base::Counter> events_deleted;
    PerClass<base::Counter> events_ephemeral;
    PerClass<base::Counter> events_refused;
    PerClass<base::Counter> events_failed;
    base::Counter& ephemeral_dropped;
    base::Counter& copies_dropped;
    base::Counter& remote_expired;
    base::Counter& remote_disk;
    base::Counter& remote_overloaded;
    PerClass<base::Counter> deliveries;
    base::Counter& authentications;
    base::Gauge& subscriptions;
    PerClass<base::Histogram> ok_seconds;
    base::Histogram& eose_seconds;
    base::Histogram& count_seconds;
    PerClass<base::Histogram> delivery_seconds;
    // Indexed by Errc; its last enumerator gives the size.
    std::array<base::Counter*, static_cast<std::size_t>(base::Errc::shutting_down) + 1> refusals{};

  private:
    static base::Counter& message_counter(base::MetricsRegistry& registry, const char* type) {
        return registry.counter("parrhesia_messages_total", "Messages from clients, by type",
                                {{"type", type}});
    }
    static base::Counter& remote_dropped(base::MetricsRegistry& registry, const char* reason) {
        return registry.counter("parrhesia_remote_dropped_total",
                                "Events of other relays of the cluster that this one should have "
                                "stored and did not, by reason",
                                {{"reason", reason}});
    }
    static PerClass<base::Counter> event_counters(base::MetricsRegistry& registry,
                                                  const char* outcome) {
        return PerClass<base::Counter>([&](const char* name) -> base::Counter& {
            return registry.counter("parrhesia_events_total",
                                    "Events from clients, by class of traffic and outcome",
                                    {{"class", name}, {"outcome", outcome}});
        });
    }
};

}  // namespace parrhesia::pipeline
