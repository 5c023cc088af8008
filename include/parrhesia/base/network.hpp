// Client addresses and lists of networks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace parrhesia::base {

// An IPv4 or IPv6 address; IPv4 is kept in its IPv6-mapped form, so that ::ffff:192.0.2.1 and
// 192.0.2.1 are one client.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
    [[nodiscard]] bool is_v4() const noexcept;
    // The part that one client surely holds: the address in IPv4, the /64 in IPv6.
    [[nodiscard]] IpAddress client_prefix() const noexcept;
    [[nodiscard]] std::string to_string() const;
};
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);

// Networks in CIDR form; a bare address is a network of one.
class NetworkList {
  public:
    NetworkList() = default;
    // False, and nothing added, when `cidr` is not a network or has bits set beyond its prefix.
    [[nodiscard]] bool add(std::string_view cidr);
    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return networks_.empty(); }

  private:
    struct Network {
        IpAddress address;
        unsigned prefix_bits = 0;  // 0 to 128, in the IPv6-mapped form
    };
    std::vector<Network> networks_;
};

}  // namespace parrhesia::base

template <>
struct std::hash<parrhesia::base::IpAddress> {
    std::size_t operator()(const parrhesia::base::IpAddress& address) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size()});
    }
};
