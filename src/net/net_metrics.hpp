// The metrics of the clients' side, registered once and shared by every io thread.
#pragma once

#include "parrhesia/base/metrics.hpp"

namespace parrhesia::net {

struct NetMetrics {
    explicit NetMetrics(base::MetricsRegistry& registry)
        : connections(registry.gauge("parrhesia_connections", "Open client connections")),
          accepted(registry.counter("parrhesia_connections_accepted_total",
                                    "Client connections accepted")),
          refused_total(refused(registry, "max_connections")),
          refused_per_ip(refused(registry, "max_connections_per_ip")),
          refused_descriptors(refused(registry, "file_descriptors")),
          cut_handshake(cut(registry, "handshake_timeout")),
          cut_frame(cut(registry, "frame_timeout")),
          cut_idle(cut(registry, "idle_timeout")),
          cut_stalled(cut(registry, "stalled")),
          cut_close(cut(registry, "close_timeout")),
          cut_proxy_header(cut(registry, "proxy_header")),
          paused_connection(paused(registry, "bytes_connection")),
          paused_ip(paused(registry, "bytes_ip")),
          bad_forwarded(registry.counter(
              "parrhesia_bad_forwarded_headers_total",
              "Connections of trusted proxies whose header names no client address")),
          queue_bytes(
              registry.gauge("parrhesia_send_queue_bytes",
                             "Bytes that the kernel has not taken for clients when offered")),
          sends(registry.counter("parrhesia_sends_total",
                                 "System calls that sent something to clients")),
          sent_bytes(registry.counter("parrhesia_sent_bytes_total", "Bytes sent to clients")),
          received_bytes(registry.counter("parrhesia_received_bytes_total",
                                          "Bytes of messages received from clients")) {}

    base::Gauge& connections;
    base::Counter& accepted;
    base::Counter& refused_total;
    base::Counter& refused_per_ip;
    base::Counter& refused_descriptors;
    base::Counter& cut_handshake;
    base::Counter& cut_frame;
    base::Counter& cut_idle;
    base::Counter& cut_stalled;
    base::Counter& cut_close;
    base::Counter& cut_proxy_header;
    base::Counter& paused_connection;
    base::Counter& paused_ip;
    base::Counter& bad_forwarded;
    base::Gauge& queue_bytes;
    base::Counter& sends;
    base::Counter& sent_bytes;
    base::Counter& received_bytes;

  private:
    static base::Counter& refused(base::MetricsRegistry& registry, const char* reason) {
        return registry.counter("parrhesia_connections_refused_total",
                                "Client connections refused at accept, by reason",
                                {{"reason", reason}});
    }
    static base::Counter& paused(base::MetricsRegistry& registry, const char* reason) {
        return registry.counter("parrhesia_reads_paused_total",
                                "Times a client was not read for a while, by the rate it exceeded",
                                {{"reason", reason}});
    }
    static base::Counter& cut(base::MetricsRegistry& registry, const char* reason) {
        return registry.counter("parrhesia_connections_cut_total",
                                "Client connections cut off by the relay, by reason",
                                {{"reason", reason}});
    }
};

}  // namespace parrhesia::net
