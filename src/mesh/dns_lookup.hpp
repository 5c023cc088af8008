// What DNS says about the relays of a cluster, asked in calls that block.
#pragma once

#include "parrhesia/base/error.hpp"
#include "parrhesia/base/network.hpp"
#include "parrhesia/mesh/discovery.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace parrhesia::mesh {

// More than that of one name are left out.
inline constexpr std::size_t kMaxDnsAnswers = 256;

// Each answers with what it has found, at least one, or why nothing. They block for as long as the
// name servers do: at most two seconds for each server and each name that the search list of
// resolv.conf makes of the one asked for.
struct DnsLookups {
    // A and AAAA, and whatever else the system makes addresses of (/etc/hosts).
    std::function<base::Checked<std::vector<base::IpAddress>>(const std::string& name)> addresses;
    // SRV, without regard to priority and weight: all relays of a cluster are equal.
    std::function<base::Checked<std::vector<HostPort>>(const std::string& name)> service;
};
[[nodiscard]] DnsLookups system_lookups();

[[nodiscard]] base::Checked<std::vector<base::IpAddress>> look_up_addresses(
    const std::string& name);
// `server`: an IPv4 address, to be asked instead of those in resolv.conf.
[[nodiscard]] base::Checked<std::vector<HostPort>> look_up_service(
    const std::string& name, const std::optional<HostPort>& server = std::nullopt);

// The SRV records of a message of RFC 1035 with those of RFC 2782. Records that name nobody ("."),
// port 0 or no host are left out.
[[nodiscard]] base::Checked<std::vector<HostPort>> parse_srv_answer(
    std::span<const std::uint8_t> message);

}  // namespace parrhesia::mesh
