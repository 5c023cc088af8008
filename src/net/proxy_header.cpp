#include "net/proxy_header.hpp"

#include <algorithm>
#include <cstdint>

namespace parrhesia::net {
namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixedBytes = 16;
constexpr std::size_t kV4Bytes = 12;  // two addresses, two ports
constexpr std::size_t kV6Bytes = 36;
constexpr std::size_t kUnixBytes = 216;

enum Command : unsigned { kLocal = 0, kProxy = 1 };
enum Family : unsigned { kUnspecified = 0, kInet = 1, kInet6 = 2, kUnix = 3 };
enum Transport : unsigned { kAnyTransport = 0, kStream = 1, kDatagram = 2 };

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(bytes[at]);
}

base::IpAddress v4_address(std::string_view bytes) noexcept {
    base::IpAddress address;
    address.bytes[10] = address.bytes[11] = 0xff;
    std::copy(bytes.begin(), bytes.begin() + 4, address.bytes.begin() + 12);
    return address;
}

base::IpAddress v6_address(std::string_view bytes) noexcept {
    base::IpAddress address;
    std::copy(bytes.begin(), bytes.begin() + 16, address.bytes.begin());
    return address;
}

std::size_t address_bytes(unsigned family) noexcept {
    switch (family) {
        case kInet:
            return kV4Bytes;
        case kInet6:
            return kV6Bytes;
        case kUnix:
            return kUnixBytes;
        default:
            return 0;
    }
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view received) noexcept {
    ProxyHeader header;
    const std::size_t compared = std::min(received.size(), kSignature.size());
    if (received.substr(0, compared) != kSignature.substr(0, compared)) return header;
    header.status = Status::incomplete;
    if (received.size() < kFixedBytes) return header;

    header.status = Status::bad;
    const unsigned version = byte_at(received, 12) >> 4U;
    const unsigned command = byte_at(received, 12) & 15U;
    const unsigned family = byte_at(received, 13) >> 4U;
    const unsigned transport = byte_at(received, 13) & 15U;
    const std::size_t length = byte_at(received, 14) << 8U | byte_at(received, 15);
    if (version != 2 || command > kProxy || family > kUnix || transport > kDatagram) return header;
    // A client of TCP that came by datagrams is no client of ours.
    if (command == kProxy && family != kUnspecified && transport != kStream) return header;
    if (kFixedBytes + length > kMaxProxyHeaderBytes) return header;
    if (command == kProxy && length < address_bytes(family)) return header;

    header.bytes = kFixedBytes + length;
    header.status = received.size() < header.bytes ? Status::incomplete : Status::complete;
    if (header.status == Status::incomplete || command == kLocal) return header;
    const std::string_view addresses = received.substr(kFixedBytes);
    if (family == kInet) header.client = v4_address(addresses);
    if (family == kInet6) header.client = v6_address(addresses);
    return header;
}

}  // namespace parrhesia::net
