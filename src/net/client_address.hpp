// Under which address a connection is counted: its peer's, or the one that a trusted proxy names.
#pragma once

#include "parrhesia/base/network.hpp"
#include "parrhesia/net/relay_server.hpp"

#include "net/connection_gate.hpp"
#include "net/http.hpp"
#include "net/net_metrics.hpp"

namespace parrhesia::net {

// True when the client behind this peer is named by a header or by the PROXY protocol.
[[nodiscard]] bool speaks_for_others(const RelayServerOptions& options,
                                     const base::IpAddress& peer) noexcept;

// Threading: belongs to its connection's io thread; made and destroyed anywhere.
// Lifetime:  not beyond the gate, the options and the metrics.
class ClientAddress {
  public:
    // `peer` has entered the gate: by enter_unnamed() if it speaks for others, else by enter().
    ClientAddress(ConnectionGate& gate, const RelayServerOptions& options, NetMetrics& metrics,
                  const base::IpAddress& peer) noexcept;
    ~ClientAddress();  // leaves the gate
    ClientAddress(ClientAddress&& other) noexcept;
    ClientAddress& operator=(ClientAddress&&) = delete;

    // Its first bytes are a header of the PROXY protocol.
    [[nodiscard]] bool expects_proxy_header() const noexcept;
    // That header named this address.
    void set_proxied(const base::IpAddress& client) noexcept { address_ = client; }

    // With the request for the websocket all is known that ever will be: the connection is counted.
    // A header without an address leaves it its proxy's, which is then not exempt: nobody escapes
    // limits by a header of his own making.
    [[nodiscard]] ConnectionGate::Verdict settle(const HttpRequest& request);

    [[nodiscard]] const base::IpAddress& get() const noexcept { return address_; }
    [[nodiscard]] bool is_exempt() const noexcept { return exempt_; }

  private:
    ConnectionGate* gate_;  // null: moved from
    const RelayServerOptions& options_;
    NetMetrics& metrics_;
    base::IpAddress address_;
    bool named_;
    bool exempt_;
};

}  // namespace parrhesia::net
