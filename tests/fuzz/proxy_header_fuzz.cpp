// Any bytes are a header of the PROXY protocol or none; what is told of a beginning stays true of
// the whole.
#include "expect.hpp"
#include "net/proxy_header.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using parrhesia::net::kMaxProxyHeaderBytes;
    using parrhesia::net::parse_proxy_header;
    using Status = parrhesia::net::ProxyHeader::Status;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);

    const auto whole = parse_proxy_header(bytes);
    if (whole.status == Status::complete) {
        PARRHESIA_EXPECT(whole.bytes >= 16 && whole.bytes <= size);
        PARRHESIA_EXPECT(whole.bytes <= kMaxProxyHeaderBytes);
        const auto exact = parse_proxy_header(bytes.substr(0, whole.bytes));
        PARRHESIA_EXPECT(exact.status == Status::complete && exact.client == whole.client);
    } else {
        PARRHESIA_EXPECT(!whole.client);
    }
    // A reader stops here at the latest, and needs no more than it has room for.
    PARRHESIA_EXPECT(size < kMaxProxyHeaderBytes || whole.status != Status::incomplete);
    const auto half = parse_proxy_header(bytes.substr(0, size / 2));
    PARRHESIA_EXPECT(half.status != Status::bad || whole.status == Status::bad);
    PARRHESIA_EXPECT(whole.status != Status::incomplete || half.status == Status::incomplete);
    return 0;
}
