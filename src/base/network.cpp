#include "parrhesia/base/network.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace parrhesia::base {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool bit_of(const IpAddress& address, unsigned index) noexcept {
    const unsigned byte = address.bytes[index / 8];
    return (byte >> (7U - index % 8U) & 1U) != 0;
}

}  // namespace

bool IpAddress::is_v4() const noexcept {
    return std::equal(kV4Mapped.begin(), kV4Mapped.end(), bytes.begin());
}

IpAddress IpAddress::client_prefix() const noexcept {
    if (is_v4()) return *this;
    IpAddress result = *this;
    std::fill(result.bytes.begin() + 8, result.bytes.end(), std::uint8_t{0});
    return result;
}

std::string IpAddress::to_string() const {
    using boost::asio::ip::address_v4;
    using boost::asio::ip::address_v6;
    if (is_v4()) {
        address_v4::bytes_type v4{};
        std::copy(bytes.begin() + 12, bytes.end(), v4.begin());
        return address_v4(v4).to_string();
    }
    return address_v6(bytes).to_string();
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(std::string(text), error);
    if (error) return std::nullopt;
    IpAddress result;
    if (parsed.is_v4()) {
        const auto v4 = parsed.to_v4().to_bytes();
        std::copy(kV4Mapped.begin(), kV4Mapped.end(), result.bytes.begin());
        std::copy(v4.begin(), v4.end(), result.bytes.begin() + 12);
    } else {
        result.bytes = parsed.to_v6().to_bytes();
    }
    return result;
}

bool NetworkList::add(std::string_view cidr) {
    const std::size_t slash = cidr.find('/');
    const auto address = parse_ip(cidr.substr(0, slash));
    if (!address) return false;
    const unsigned widest = address->is_v4() ? 32 : 128;
    unsigned prefix = widest;
    if (slash != std::string_view::npos) {
        const std::string_view digits = cidr.substr(slash + 1);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
        if (error != std::errc{} || end != digits.data() + digits.size() || prefix > widest) {
            return false;
        }
    }
    const Network network{*address, prefix + 128 - widest};
    for (unsigned bit = network.prefix_bits; bit < 128; ++bit) {
        if (bit_of(network.address, bit)) return false;
    }
    networks_.push_back(network);
    return true;
}

bool NetworkList::contains(const IpAddress& address) const noexcept {
    return std::any_of(networks_.begin(), networks_.end(), [&address](const Network& network) {
        for (unsigned bit = 0; bit < network.prefix_bits; ++bit) {
            if (bit_of(address, bit) != bit_of(network.address, bit)) return false;
        }
        return true;
    });
}

}  // namespace parrhesia::base
