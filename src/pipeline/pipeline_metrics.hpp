// The metrics of the pipeline, registered once and shared by every shard.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/metrics.hpp"
#include "parrhesia/protocol/reply.hpp"

#include <array>
#include <cstddef>
#include <string>

namespace parrhesia::pipeline {

struct PipelineMetrics {
    explicit PipelineMetrics(base::MetricsRegistry& registry)
        : event_messages(message_counter(registry, "event")),
          req_messages(message_counter(registry, "req")),
          close_messages(message_counter(registry, "close")),
          bad_messages(message_counter(registry, "bad")),
          events_stored(event_counter(registry, "stored")),
          events_duplicate(event_counter(registry, "duplicate")),
          events_superseded(event_counter(registry, "superseded")),
          events_deleted(event_counter(registry, "deleted")),
          events_ephemeral(event_counter(registry, "ephemeral")),
          events_refused(event_counter(registry, "refused")),
          events_failed(event_counter(registry, "failed")),
          ephemeral_dropped(registry.counter(
              "parrhesia_ephemeral_dropped_total",
              "Ephemeral events not handed to an io thread because its queue was full")),
          deliveries(registry.counter("parrhesia_deliveries_total",
                                      "Live subscriptions that events matched")),
          subscriptions(registry.gauge("parrhesia_subscriptions", "Open subscriptions")),
          ok_seconds(registry.histogram("parrhesia_ok_seconds",
                                        "From reading an EVENT to queueing its OK",
                                        base::latency_buckets(0.00005, 10))),
          eose_seconds(registry.histogram("parrhesia_eose_seconds",
                                          "From reading a REQ to queueing its EOSE",
                                          base::latency_buckets(0.00005, 50))),
          delivery_seconds(registry.histogram(
              "parrhesia_delivery_seconds",
              "From reading an EVENT to handing it to the live subscriptions it matches",
              base::latency_buckets(0.00005, 10))) {
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
    base::Counter& bad_messages;
    base::Counter& events_stored;
    base::Counter& events_duplicate;
    base::Counter& events_superseded;
    base::Counter& events_deleted;
    base::Counter& events_ephemeral;
    base::Counter& events_refused;
    base::Counter& events_failed;
    base::Counter& ephemeral_dropped;
    base::Counter& deliveries;
    base::Gauge& subscriptions;
    base::Histogram& ok_seconds;
    base::Histogram& eose_seconds;
    base::Histogram& delivery_seconds;
    // Indexed by Errc; its last enumerator gives the size.
    std::array<base::Counter*, static_cast<std::size_t>(base::Errc::shutting_down) + 1> refusals{};

  private:
    static base::Counter& message_counter(base::MetricsRegistry& registry, const char* type) {
        return registry.counter("parrhesia_messages_total", "Messages from clients, by type",
                                {{"type", type}});
    }
    static base::Counter& event_counter(base::MetricsRegistry& registry, const char* outcome) {
        return registry.counter("parrhesia_events_total", "Events from clients, by outcome",
                                {{"outcome", outcome}});
    }
};

}  // namespace parrhesia::pipeline
